-- table: mart.circular_commitment_pairs
-- severity: error
-- rule: The money of all pairs is the money of all counted deals, and each pair stands once.
SELECT pairs.total AS pairs_usd, deals.total AS deals_usd
FROM (
    SELECT sum(invested_usd + invested_back_usd + purchases_from_funder_usd + purchases_by_funder_usd + backstops_usd) AS total
    FROM mart.circular_commitment_pairs
) AS pairs, (SELECT sum(counted_usd) AS total FROM mart.circular_commitments) AS deals
WHERE abs(pairs.total - deals.total) > 1
UNION ALL
SELECT count(*), NULL FROM mart.circular_commitment_pairs
GROUP BY least(funder, counterparty), greatest(funder, counterparty) HAVING count(*) > 1
