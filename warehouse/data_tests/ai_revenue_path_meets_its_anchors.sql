-- table: mart.ai_revenue_fit
-- severity: warning
-- rule: The path of revenue meets every anchor within fifteen percent, and every item has a value.
SELECT kind, name, period_end_date, value, published_value, relative_residual_pct
FROM mart.ai_revenue_fit
WHERE (kind = 'anchor' AND abs(relative_residual_pct) > 15) OR value IS NULL
