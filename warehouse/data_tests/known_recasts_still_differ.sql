-- table: core.fundamentals
-- severity: warning
-- rule: A recast listed in raw.known_recasts still shows in the figures; otherwise take it off the list.
SELECT k.ticker, k.concept, k.fiscal_year, k.reason
FROM raw.known_recasts AS k
WHERE k.ticker IN (SELECT ticker FROM raw.universe) AND NOT EXISTS (
    SELECT 1
    FROM core.fiscal_year_to_date AS y
    JOIN core.quarters AS q USING (ticker, concept, fiscal_year)
    WHERE y.fiscal_quarter = 4 AND y.ticker = k.ticker AND y.concept = k.concept AND y.fiscal_year = k.fiscal_year
    GROUP BY y.value
    HAVING count(*) = 4 AND abs(sum(q.value) - y.value) > 1e6
)
