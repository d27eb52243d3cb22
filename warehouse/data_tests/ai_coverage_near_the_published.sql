-- table: mart.ai_depreciation_coverage
-- severity: warning
-- rule: Where the study prints revenue and depreciation of a quarter, our coverage lies within a tenth of its own.
SELECT quarter, coverage_ratio, published_coverage_ratio, depreciation_usd, published_depreciation_usd
FROM mart.ai_depreciation_coverage
WHERE abs(coverage_ratio / published_coverage_ratio - 1) > 0.1
