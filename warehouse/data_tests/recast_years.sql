-- table: core.fiscal_year_sums
-- severity: warning
-- rule: A fiscal year that differs from its quarters because a filing revised some of them is looked into and listed in raw.known_recasts.
SELECT ticker, concept, fiscal_year, difference_usd, revised_accessions
FROM core.fiscal_year_sums
WHERE NOT is_within_rounding AND is_revised AND NOT is_listed
