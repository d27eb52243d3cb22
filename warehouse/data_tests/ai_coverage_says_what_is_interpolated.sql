-- table: mart.ai_depreciation_coverage
-- severity: error
-- rule: A quarter is interpolated unless its revenue is a published quarter; ratios are finite or explained; every row is labelled an estimate of others.
SELECT c.quarter, c.revenue_usd, c.revenue_basis, c.coverage_ratio, c.is_interpolated, c.missing_reason
FROM mart.ai_depreciation_coverage AS c
LEFT JOIN raw.ai_revenue AS r
    ON r.entity = 'Generative AI outside China' AND r.metric = 'ai_revenue' AND r.basis = 'quarter' AND r.conflict_resolution = 'used'
    AND year(r.period_start_date) || 'Q' || quarter(r.period_start_date) = c.quarter
WHERE c.is_interpolated <> (r.value IS NULL) OR (r.value IS NOT NULL AND c.revenue_usd <> r.value)
    OR NOT isfinite(c.coverage_ratio) OR (c.coverage_ratio IS NULL AND c.missing_reason IS NULL)
    OR NOT c.is_third_party_estimate
    OR abs(c.coverage_ratio - c.revenue_usd / c.depreciation_usd) > 1e-9
