-- table: mart.growth_gap
-- severity: error
-- rule: Both multiples are finite numbers, or the reason says why one is null.
SELECT * FROM mart.growth_gap
WHERE NOT isfinite(upstream_midstream_ratio) OR NOT isfinite(upstream_downstream_ratio)
    OR (upstream_midstream_ratio IS NULL OR upstream_downstream_ratio IS NULL) <> (missing_reason IS NOT NULL)
