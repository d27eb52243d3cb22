-- table: mart.private_valuations
-- severity: error
-- rule: Every row named as a source of a multiple is in the currency of the valuation.
WITH sources AS (
    SELECT reference_id, currency, unnest(string_split(source_ids, ', ')) AS source FROM mart.private_valuations WHERE valuation_amount IS NOT NULL
), units AS (
    SELECT 'raw.private_valuations/' || reference_id AS source, unit FROM raw.private_valuations
    UNION ALL SELECT 'raw.ai_run_rates/' || reference_id, unit FROM raw.ai_run_rates
    UNION ALL SELECT 'raw.ai_revenue/' || reference_id, unit FROM raw.ai_revenue
)
SELECT s.reference_id, s.currency, s.source, u.unit
FROM sources AS s
LEFT JOIN units AS u USING (source)
WHERE u.unit IS DISTINCT FROM s.currency
