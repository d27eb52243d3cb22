-- table: mart.capital_expenditure_guidance_history
-- severity: error
-- rule: Each period's guidances are numbered by day, changes are against the one before, one is the latest, and a missing actual has a reason.
WITH ordered AS (
    SELECT *, lag(guidance_usd) OVER history AS before_usd, row_number() OVER history AS place,
        count(*) FILTER (is_latest) OVER (PARTITION BY entity_kind, entity, period_start_date, period_end_date) AS latest_count
    FROM mart.capital_expenditure_guidance_history
    WINDOW history AS (PARTITION BY entity_kind, entity, period_start_date, period_end_date ORDER BY given_date)
)
SELECT entity, period_end_date, given_date, sequence, guidance_usd, before_usd, change_usd, direction
FROM ordered
WHERE sequence <> place OR latest_count <> 1 OR (change_usd IS NULL) <> (before_usd IS NULL)
    OR abs(change_usd - (guidance_usd - before_usd)) > 1
    OR guidance_usd NOT BETWEEN guidance_low_usd AND guidance_high_usd
    OR given_date > period_end_date
    OR (actual_usd IS NULL) <> (missing_reason IS NOT NULL)
    OR (is_accounting_change AND direction = 'lowered')
