-- table: core.fundamentals
-- severity: error
-- rule: ROIC of four quarters is a finite number or null with a reason.
SELECT ticker, fiscal_year, fiscal_quarter, roic_ttm_pct, missing_reason
FROM core.fundamentals
WHERE NOT isfinite(roic_ttm_pct) OR (roic_ttm_pct IS NULL) <> (missing_reason IS NOT NULL)
