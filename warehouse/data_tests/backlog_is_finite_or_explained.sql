-- table: mart.backlog
-- severity: error
-- rule: Growth and conversion are finite numbers, and a row without one of them says why.
SELECT entity, definition, quarter, growth_pct, conversion_ratio, backlog_revenue_ratio, missing_reason
FROM mart.backlog
WHERE NOT isfinite(growth_pct) OR NOT isfinite(conversion_ratio) OR NOT isfinite(trailing_conversion_ratio)
    OR NOT isfinite(backlog_revenue_ratio)
    OR ((growth_pct IS NULL OR conversion_ratio IS NULL OR backlog_revenue_ratio IS NULL) AND missing_reason IS NULL)
