-- table: mart.circular_commitments
-- severity: error
-- rule: Of the rows of one contradiction between two parties at most one counts.
SELECT r.conflict_group, m.investor, m.investee, count(*) AS counted
FROM mart.circular_commitments AS m
JOIN raw.circular_commitments AS r USING (reference_id)
WHERE m.counts_in_totals AND r.conflict_group IS NOT NULL
GROUP BY ALL HAVING count(*) > 1
