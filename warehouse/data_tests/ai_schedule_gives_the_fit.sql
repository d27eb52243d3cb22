-- table: mart.ai_depreciation_schedule
-- severity: error
-- rule: Summed over the quarters of an anchor, the schedule gives what the fit says of it.
SELECT f.share_path, f.in_service_lag_quarters, f.name, f.period_end_date, f.value,
    sum(CASE f.name WHEN 'ai_depreciation' THEN s.depreciation_usd ELSE s.ai_capital_expenditure_usd END) AS schedule_value
FROM mart.ai_depreciation_fit AS f
JOIN mart.ai_depreciation_schedule AS s
    ON s.share_path = f.share_path AND s.in_service_lag_quarters = f.in_service_lag_quarters
    AND s.quarter BETWEEN year(f.period_start_date) || 'Q' || quarter(f.period_start_date)
        AND year(f.period_end_date) || 'Q' || quarter(f.period_end_date)
WHERE f.kind = 'anchor'
GROUP BY ALL
HAVING abs(schedule_value - f.value) > 1e-6 * f.value
