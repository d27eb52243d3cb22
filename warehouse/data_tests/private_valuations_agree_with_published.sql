-- table: mart.private_valuations
-- severity: error
-- rule: A recomputed multiple lies within a tenth of the printed one of its kind, and a row without any multiple says why.
SELECT reference_id, published_multiple_name, published_multiple, recomputed_multiple, missing_reason
FROM mart.private_valuations
WHERE abs(recomputed_multiple / published_multiple - 1) > 0.1 OR NOT isfinite(recomputed_multiple)
    OR (coalesce(run_rate_ratio, sales_ratio, inside_group_ratio, parent_market_ratio) IS NULL AND missing_reason IS NULL)
