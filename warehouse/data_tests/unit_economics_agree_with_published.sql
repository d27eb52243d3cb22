-- table: mart.unit_economics
-- severity: error
-- rule: A loss per dollar of revenue lies within the rounding of its parts of the printed one, and ratios are finite or explained.
SELECT entity, period_end_date, operating_loss_before_stock_revenue_ratio, published_loss_revenue_ratio, missing_reason
FROM mart.unit_economics
WHERE abs(operating_loss_before_stock_revenue_ratio - published_loss_revenue_ratio) > 2 * rounding_usd / revenue_usd
    OR NOT isfinite(cloud_bill_revenue_ratio) OR NOT isfinite(operating_loss_revenue_ratio)
    OR (coalesce(cloud_bill_revenue_ratio, operating_loss_revenue_ratio, net_loss_revenue_ratio, non_operating_gain_revenue_ratio) IS NULL
        AND missing_reason IS NULL)
