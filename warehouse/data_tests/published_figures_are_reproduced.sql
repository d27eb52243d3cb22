-- table: mart.published_reconciliation
-- severity: warning
-- rule: Published growth figures are met to two decimals, index values within one and a half points, multiples within their rounding.
SELECT figure_id, published_value, our_value, difference
FROM mart.published_reconciliation
WHERE published_value IS NOT NULL AND our_value IS NOT NULL AND abs(difference) > CASE
    WHEN metric = 'revenue growth' THEN 0.005
    WHEN metric = 'composite score' THEN 1.5
    WHEN qualifier = 'about' THEN 0.06 * published_value
    ELSE 1e-9 END
