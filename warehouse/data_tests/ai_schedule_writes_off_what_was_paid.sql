-- table: mart.ai_depreciation_schedule
-- severity: error
-- rule: Cumulative depreciation never exceeds cumulative AI capital expenditure, depreciation is its two parts, the share lies between 0 and 1, and nulls have a reason.
SELECT share_path, in_service_lag_quarters, quarter, ai_share_ratio, depreciation_usd, cumulative_depreciation_usd,
    cumulative_ai_capital_expenditure_usd, missing_reason
FROM mart.ai_depreciation_schedule
WHERE cumulative_depreciation_usd > cumulative_ai_capital_expenditure_usd + 1 OR depreciation_usd < 0
    OR ai_share_ratio NOT BETWEEN 0 AND 1.000001
    OR abs(depreciation_usd - compute_depreciation_usd - other_depreciation_usd) > 1
    OR (cumulative_depreciation_usd IS NULL AND missing_reason IS NULL)
