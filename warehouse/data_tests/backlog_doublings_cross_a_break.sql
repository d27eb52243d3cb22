-- table: mart.backlog
-- severity: warning
-- rule: Since 2023, a backlog above 10 billion that more than doubles within a year crosses a flagged break; otherwise look for the contract behind it and flag it.
SELECT entity, definition, quarter, growth_pct, growth_without_large_commitments_pct
FROM mart.backlog
WHERE growth_pct > 100 AND NOT growth_crosses_break AND quarter >= '2023Q1' AND remaining_performance_obligation_usd > 1e10
ORDER BY quarter DESC
