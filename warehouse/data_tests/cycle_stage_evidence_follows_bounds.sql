-- table: mart.cycle_stage_evidence
-- severity: error
-- rule: A rule is met when its value lies within its bounds; without a value it says why; four stages with as many rules each.
SELECT quarter, stage, rule, value, least, most, verdict FROM mart.cycle_stage_evidence
WHERE verdict <> CASE WHEN value IS NULL THEN 'no_data'
        WHEN coalesce(value >= least, true) AND coalesce(value <= most, true) THEN 'met' ELSE 'not_met' END
    OR (value IS NULL) <> (missing_reason IS NOT NULL)
UNION ALL
SELECT quarter, NULL, 'stages', count(*), NULL, NULL, NULL FROM (
    SELECT quarter, stage, count(*) AS rules FROM mart.cycle_stage_evidence GROUP BY ALL
)
GROUP BY quarter HAVING count(*) <> 4 OR min(rules) <> max(rules)
