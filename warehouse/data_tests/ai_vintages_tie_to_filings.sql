-- table: mart.ai_capital_expenditure_vintages
-- severity: error
-- rule: A vintage marked as filed is the filed quarter, and every null has a reason.
SELECT v.ticker, v.quarter, v.capital_expenditure_usd, f.capital_expenditure_usd AS filed_usd, v.origin, v.missing_reason
FROM mart.ai_capital_expenditure_vintages AS v
LEFT JOIN core.fundamentals AS f ON f.ticker = v.ticker AND f.calendar_quarter = v.quarter
WHERE (v.origin = 'filing' AND v.capital_expenditure_usd IS DISTINCT FROM f.capital_expenditure_usd)
    OR (v.origin <> 'filing' AND f.capital_expenditure_usd IS NOT NULL)
    OR (v.capital_expenditure_usd IS NULL) <> (v.missing_reason IS NOT NULL)
    OR (v.capital_expenditure_usd IS NOT NULL AND (v.source_ids IS NULL OR v.lowest_confidence IS NULL))
