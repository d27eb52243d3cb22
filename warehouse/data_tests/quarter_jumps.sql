-- table: core.quarters
-- severity: warning
-- rule: A quarter of more than 100 million is within a factor of four of the quarter before and of the same sign.
WITH ordered AS (
    SELECT ticker, concept, fiscal_year, fiscal_quarter, value, method,
        lag(value) OVER history AS value_before,
        lag(4 * fiscal_year + fiscal_quarter) OVER history AS index_before
    FROM core.quarters
    WHERE concept IN (SELECT concept FROM raw.concept_tags WHERE kind = 'flow')
    WINDOW history AS (PARTITION BY ticker, concept ORDER BY fiscal_year, fiscal_quarter)
)
SELECT ticker, concept, fiscal_year, fiscal_quarter, value_before, value, method
FROM ordered
WHERE index_before = 4 * fiscal_year + fiscal_quarter - 1
    AND greatest(abs(value), abs(value_before)) > 1e8
    AND (value * value_before < 0 OR abs(value) > 4 * abs(value_before) OR abs(value_before) > 4 * abs(value))
ORDER BY fiscal_year DESC, ticker, concept
