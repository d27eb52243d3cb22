-- table: mart.depreciation_coverage
-- severity: error
-- rule: Every ratio is a finite number, or the reason says why one is null.
SELECT entity, span, quarter, revenue_depreciation_ratio, capex_depreciation_ratio, incremental_coverage_ratio, missing_reason
FROM mart.depreciation_coverage
WHERE NOT isfinite(revenue_depreciation_ratio) OR NOT isfinite(capex_depreciation_ratio)
    OR NOT isfinite(incremental_coverage_ratio) OR NOT isfinite(operating_income_before_depreciation_ratio)
    OR ((revenue_depreciation_ratio IS NULL OR capex_depreciation_ratio IS NULL OR incremental_coverage_ratio IS NULL
        OR operating_income_before_depreciation_ratio IS NULL) AND missing_reason IS NULL)
