-- table: mart.backlog
-- severity: warning
-- rule: A backlog that more than doubles within a year crosses a flagged break; otherwise look for the contract behind it and flag it.
SELECT entity, definition, quarter, growth_pct, growth_without_large_commitments_pct
FROM mart.backlog
WHERE growth_pct > 100 AND NOT growth_crosses_break
ORDER BY quarter DESC
