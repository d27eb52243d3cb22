-- table: mart.circular_commitment_exposure
-- severity: error
-- rule: A company's sums are those of its counted deals, and percentages are finite or explained.
WITH deals AS (
    SELECT company, sum(counted_usd) FILTER (is_out) AS paid, sum(counted_usd) FILTER (NOT is_out) AS received
    FROM (
        SELECT investor AS company, true AS is_out, counted_usd, flow FROM mart.circular_commitments
        UNION ALL
        SELECT investee, false, counted_usd, flow FROM mart.circular_commitments
    )
    WHERE flow <> 'backstop'
    GROUP BY ALL
)
SELECT e.company, e.invested_usd + e.purchases_owed_usd AS ours_paid, d.paid,
    e.received_investment_usd + e.purchases_due_usd AS ours_received, d.received
FROM mart.circular_commitment_exposure AS e
LEFT JOIN deals AS d USING (company)
WHERE abs(ours_paid - coalesce(d.paid, 0)) > 1 OR abs(ours_received - coalesce(d.received, 0)) > 1
    OR NOT isfinite(e.purchases_owed_revenue_pct) OR NOT isfinite(e.purchases_due_backlog_pct)
    OR ((e.purchases_owed_revenue_pct IS NULL OR e.purchases_due_backlog_pct IS NULL) AND e.missing_reason IS NULL)
