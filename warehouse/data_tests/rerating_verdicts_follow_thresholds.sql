-- table: mart.rerating_checklist
-- severity: error
-- rule: A verdict is what value, comparison and threshold say; without a value it is no_data with a reason; with one it names its sources.
SELECT ticker, quarter, condition, signal, value, comparison, threshold, verdict, source_ids, missing_reason
FROM mart.rerating_checklist
WHERE verdict <> CASE WHEN value IS NULL THEN 'no_data'
        WHEN (comparison = 'at_least' AND value >= threshold) OR (comparison = 'at_most' AND value <= threshold) THEN 'met'
        ELSE 'not_met' END
    OR (value IS NULL) <> (missing_reason IS NOT NULL) OR (value IS NULL) <> (source_ids IS NULL) OR NOT isfinite(value)
