-- table: mart.depreciation_coverage
-- severity: error
-- rule: A company's row is provisional, and names it, exactly when its revenue or depreciation is missing.
SELECT entity, span, quarter, revenue_usd, depreciation_amortization_usd, is_provisional, missing_companies
FROM mart.depreciation_coverage
WHERE entity_kind = 'company'
    AND (is_provisional <> (revenue_usd IS NULL OR depreciation_amortization_usd IS NULL)
        OR is_provisional <> (missing_companies IS NOT DISTINCT FROM entity))
