-- table: mart.ai_depreciation_fit
-- severity: warning
-- rule: The default model meets every published anchor within ten percent; otherwise look at the residuals before using it.
SELECT name, period_start_date, period_end_date, value, published_value, relative_residual_pct
FROM mart.ai_depreciation_fit
WHERE is_default AND kind = 'anchor' AND abs(relative_residual_pct) > 10
