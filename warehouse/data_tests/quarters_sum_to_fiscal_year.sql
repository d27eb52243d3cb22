-- table: core.fundamentals
-- severity: error
-- rule: The four discrete quarters of a flow sum to the fiscal year as filed, within half the step of rounding per fact used, unless one of the facts was revised after its first filing.
WITH summed AS (
    SELECT ticker, concept, fiscal_year, sum(value) AS quarters_sum, flatten(list(facts)) AS facts
    FROM core.quarters
    WHERE concept IN (SELECT concept FROM raw.concept_tags WHERE kind = 'flow')
    GROUP BY ALL
    HAVING count(*) = 4
), different AS (
    SELECT s.ticker, s.concept, s.fiscal_year, s.quarters_sum, y.value AS fiscal_year_value,
        s.quarters_sum - y.value AS difference, unnest(list_concat(s.facts, y.facts)) AS fact
    FROM summed AS s
    JOIN core.fiscal_year_to_date AS y USING (ticker, concept, fiscal_year)
    ANTI JOIN raw.known_recasts AS k ON k.ticker = s.ticker AND k.concept = s.concept AND k.fiscal_year = s.fiscal_year
    WHERE y.fiscal_quarter = 4 AND abs(s.quarters_sum - y.value) > (
        -- Each fact is printed in millions, or in tens of millions where it ends so.
        SELECT sum(0.5 * 10 ** greatest(6, least(7, length(regexp_extract(abs(used.value)::BIGINT::VARCHAR, '0*$')))))
        FROM (SELECT unnest(list_concat(s.facts, y.facts)) AS used)
    )
), first_versions AS (
    SELECT ticker, concept, taxonomy, tag, period_start_date, period_end_date, arg_min(value, filed_date) AS first_value
    FROM core.statement_facts
    WHERE kind = 'flow'
    GROUP BY ALL
), marked AS (
    SELECT d.ticker, d.concept, d.fiscal_year, d.quarters_sum, d.fiscal_year_value, d.difference, d.fact.accession AS accession,
        d.fact.value <> f.first_value AS is_revised
    FROM different AS d
    LEFT JOIN first_versions AS f ON f.ticker = d.ticker AND f.taxonomy = d.fact.taxonomy AND f.tag = d.fact.tag
        AND f.concept = d.concept AND f.period_start_date = d.fact.period_start_date AND f.period_end_date = d.fact.period_end_date
)
SELECT ticker, concept, fiscal_year, quarters_sum, fiscal_year_value, difference
FROM marked
GROUP BY ALL
HAVING NOT coalesce(bool_or(is_revised), false)
