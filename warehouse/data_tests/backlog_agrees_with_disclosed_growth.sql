-- table: mart.backlog
-- severity: error
-- rule: Our growth lies within one point of what the company states, and growth without its largest customer is not above it.
SELECT entity, definition, quarter, growth_pct, disclosed_growth_pct, growth_excluding_largest_customer_pct
FROM mart.backlog
WHERE abs(growth_pct - disclosed_growth_pct) > 1 OR growth_excluding_largest_customer_pct > growth_pct
