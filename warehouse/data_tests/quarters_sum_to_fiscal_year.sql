-- table: core.fiscal_year_sums
-- severity: error
-- rule: Four quarters sum to the fiscal year as filed, within rounding, unless a fact used was revised after its first filing or the recast is listed.
SELECT ticker, concept, fiscal_year, quarters_sum_usd, fiscal_year_usd, difference_usd, rounding_usd
FROM core.fiscal_year_sums
WHERE NOT is_within_rounding AND NOT is_revised AND NOT is_listed
