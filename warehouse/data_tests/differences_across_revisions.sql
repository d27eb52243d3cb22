-- table: core.quarters
-- severity: warning
-- rule: Year to date and the span before it, of which a quarter is the difference, were revised together; otherwise the quarter absorbs the revision.
WITH differences AS (
    SELECT ticker, concept, fiscal_year, fiscal_quarter, value, facts[1] AS whole, facts[2] AS before
    FROM core.quarters
    WHERE method IN ('ytd_difference', 'year_minus_nine_months')
), first_versions AS (
    SELECT ticker, concept, taxonomy, tag, period_start_date, period_end_date, arg_min(value, filed_date) AS value
    FROM core.statement_facts
    GROUP BY ALL
)
SELECT d.ticker, d.concept, d.fiscal_year, d.fiscal_quarter, d.value,
    w.value - b.value AS value_as_first_reported, d.whole.accession AS revised_in
FROM differences AS d
JOIN first_versions AS w ON w.ticker = d.ticker AND w.concept = d.concept AND w.tag = d.whole.tag
    AND w.period_start_date = d.whole.period_start_date AND w.period_end_date = d.whole.period_end_date
JOIN first_versions AS b ON b.ticker = d.ticker AND b.concept = d.concept AND b.tag = d.before.tag
    AND b.period_start_date = d.before.period_start_date AND b.period_end_date = d.before.period_end_date
WHERE abs((d.whole.value - w.value) - (d.before.value - b.value)) > 2e6
    AND ((d.whole.value = w.value) <> (d.before.value = b.value))
ORDER BY d.fiscal_year DESC, d.ticker
