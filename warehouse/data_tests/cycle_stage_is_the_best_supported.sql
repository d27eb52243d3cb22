-- table: mart.cycle_stage
-- severity: error
-- rule: No stage has more rules met than the one decided and no earlier one as many; a quarter without a stage says why.
SELECT * FROM (
    SELECT quarter, stage, missing_reason, unnest([1, 2, 3, 4]) AS other,
        unnest([innovation_rules_met, upstream_boom_rules_met, midstream_consolidation_rules_met, downstream_monetisation_rules_met]) AS met,
        rules_met
    FROM mart.cycle_stage
)
WHERE met > rules_met OR (met = rules_met AND other < stage) OR (stage IS NULL) <> (missing_reason IS NOT NULL)
