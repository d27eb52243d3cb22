-- table: mart.capital_expenditure
-- severity: error
-- rule: A year is the sum of its four quarters and a group of its members; a period is null exactly when a part is missing; nulls have a reason.
WITH years AS (
    SELECT y.entity, y.period, y.capital_expenditure_usd, y.is_complete, y.missing_reason, y.growth_with_leases_pct,
        sum(q.capital_expenditure_usd) AS parts_usd, count(q.capital_expenditure_usd) AS parts
    FROM mart.capital_expenditure AS y
    JOIN mart.capital_expenditure AS q
        ON q.entity_kind = y.entity_kind AND q.entity = y.entity AND q.span = 'quarter' AND q.calendar_year = y.calendar_year
    WHERE y.span = 'year'
    GROUP BY ALL
)
SELECT * FROM years
WHERE (capital_expenditure_usd IS NOT NULL) <> (parts = 4) OR is_complete <> (parts = 4)
    OR abs(capital_expenditure_usd - parts_usd) > 1
    OR (growth_with_leases_pct IS NULL AND missing_reason IS NULL)
