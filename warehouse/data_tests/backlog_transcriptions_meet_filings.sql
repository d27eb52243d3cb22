-- table: mart.backlog
-- severity: error
-- rule: A transcribed backlog lies within its rounding of the structured fact of the same definition and day.
SELECT b.entity, b.definition, b.quarter, b.remaining_performance_obligation_usd, b.sourced_usd
FROM mart.backlog AS b
JOIN raw.remaining_performance_obligations AS r ON r.entity = b.entity AND r.definition = b.definition
    AND r.as_of_date = b.as_of_date AND r.metric = 'remaining_performance_obligation' AND r.conflict_resolution = 'used'
WHERE b.is_filed AND abs(b.remaining_performance_obligation_usd - b.sourced_usd) > r.rounding / 2
