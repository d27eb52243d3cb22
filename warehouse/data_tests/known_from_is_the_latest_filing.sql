-- table: core.quarters_history
-- severity: error
-- rule: A value is known from the day on which the last of its facts was public; a carried balance not before the quarter's own first filing.
WITH used AS (
    SELECT ticker, concept, measure, fiscal_year, fiscal_quarter, method, known_from_date, known_to_date, unnest(facts) AS fact
    FROM core.quarters_history
), dated AS (
    SELECT used.* EXCLUDE (fact), max(least(fact.filed_date, coalesce(f.known_from_date, fact.filed_date))) AS latest_public_date
    FROM used LEFT JOIN raw.filings AS f ON f.accession = fact.accession
    GROUP BY ALL
)
SELECT ticker, concept, measure, fiscal_year, fiscal_quarter, method, known_from_date, latest_public_date
FROM dated
WHERE known_from_date < latest_public_date
    OR (method <> 'carried_forward' AND known_from_date <> latest_public_date)
    OR known_to_date <= known_from_date
