-- table: core.fiscal_year_sums
-- severity: warning
-- rule: A recast listed in raw.known_recasts still shows in the figures; otherwise take it off the list.
SELECT s.ticker, s.concept, s.fiscal_year, s.difference_usd
FROM core.fiscal_year_sums AS s
WHERE s.is_listed AND s.is_within_rounding
