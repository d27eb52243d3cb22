-- table: mart.ai_capital_expenditure_vintages
-- severity: error
-- rule: Where a group's half year was divided over members that have not filed, the members' quarters add up to the published total.
WITH divided AS (
    SELECT DISTINCT g.reference_id, g.value, g.period_start_date, g.period_end_date
    FROM mart.ai_capital_expenditure_vintages AS v
    JOIN raw.ai_capital_expenditure AS g ON v.origin = 'group_rest' AND starts_with(v.source_ids, g.reference_id)
    WHERE g.entity = 'Big four'
)
SELECT d.reference_id, d.value, sum(v.capital_expenditure_usd) AS members_sum
FROM divided AS d
JOIN mart.ai_capital_expenditure_vintages AS v
    ON v.ticker IN ('MSFT', 'GOOGL', 'AMZN', 'META')
    AND v.quarter BETWEEN year(d.period_start_date) || 'Q' || quarter(d.period_start_date)
        AND year(d.period_end_date) || 'Q' || quarter(d.period_end_date)
GROUP BY ALL
HAVING abs(sum(v.capital_expenditure_usd) - d.value) > 1
