-- table: mart.composite_score_vintages
-- severity: error
-- rule: No vintage rests on a value whose filing came after it.
SELECT vintage_date, tier, basis, quarter, latest_filed_date
FROM mart.composite_score_vintages
WHERE latest_filed_date > vintage_date
