-- table: mart.rerating_scenarios
-- severity: error
-- rule: Conditions met and warnings on are those of the checklist, and a row without a scenario says why.
SELECT s.ticker, s.quarter, s.conditions_met, s.warnings_on, s.scenario, s.missing_reason
FROM mart.rerating_scenarios AS s
JOIN (
    SELECT ticker, quarter,
        count(*) FILTER (signal = 'all_signals' AND verdict = 'met') AS met,
        count(*) FILTER (condition = 'soft_warning' AND verdict = 'met') AS warnings_met
    FROM mart.rerating_checklist GROUP BY ALL
) AS c USING (ticker, quarter)
WHERE s.conditions_met <> c.met OR s.warnings_on <> c.warnings_met OR (s.scenario IS NULL) <> (s.missing_reason IS NOT NULL)
