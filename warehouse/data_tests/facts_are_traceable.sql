-- table: core.statement_facts
-- severity: error
-- rule: Every fact names its filing, or the link of its source where it was transcribed.
SELECT ticker, concept, taxonomy, tag, period_end_date, value
FROM core.statement_facts
WHERE accession IS NULL AND source_url IS NULL
