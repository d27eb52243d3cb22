-- table: core.missing_quarters
-- severity: warning
-- rule: Between a company's first and last value of a concept no quarter is missing, unless the gap is listed in raw.known_gaps.
WITH last_value AS (
    SELECT ticker, concept, max(4 * fiscal_year + fiscal_quarter) AS last_index FROM core.quarters GROUP BY ALL
)
SELECT m.ticker, m.concept, m.fiscal_year, m.fiscal_quarter, m.period_end_date, m.reason
FROM core.missing_quarters AS m
JOIN last_value AS l USING (ticker, concept)
WHERE m.reason NOT IN ('known_gap', 'not_applicable', 'before_first_value') AND 4 * m.fiscal_year + m.fiscal_quarter < l.last_index
