-- table: mart.backlog
-- severity: error
-- rule: A later commitment is a counted deal with the company, dated after the level; the circular part of such a level, and of no other, is null.
SELECT b.entity, b.definition, b.quarter, b.as_of_date, b.later_commitment, c.agreed_date, b.large_commitments_usd
FROM mart.backlog AS b
LEFT JOIN mart.circular_commitments AS c ON c.reference_id = b.later_commitment
WHERE (b.later_commitment IS NULL) <> (b.large_commitments_usd IS NOT NULL)
    OR (b.later_commitment IS NOT NULL
        AND NOT coalesce(c.counts_in_totals AND c.investee_ticker = b.ticker AND c.agreed_date > b.as_of_date, false))
