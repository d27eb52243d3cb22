-- table: mart.capital_expenditure
-- severity: warning
-- rule: A total from filings lies within two percent of the published total of the same perimeter.
SELECT entity, period, published_usd, published_perimeter, capital_expenditure_usd, capital_expenditure_with_leases_usd
FROM mart.capital_expenditure
WHERE abs(CASE published_perimeter WHEN 'including_leases' THEN capital_expenditure_with_leases_usd ELSE capital_expenditure_usd END
    / published_usd - 1) > 0.02
