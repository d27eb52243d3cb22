-- table: mart.profit_pools
-- severity: error
-- rule: The shares of a perimeter's members sum to 100 % in every span and quarter that has them, and so do the shares of the tiers.
SELECT 'chain' AS perimeter, span, quarter, sum(share_of_chain_pct) AS total
FROM mart.profit_pools WHERE in_chain AND share_of_chain_pct IS NOT NULL GROUP BY ALL HAVING abs(total - 100) > 1e-6
UNION ALL
SELECT 'tiers', span, quarter, sum(share_of_chain_pct) AS total
FROM mart.profit_pools WHERE entity_kind = 'tier' AND share_of_chain_pct IS NOT NULL GROUP BY ALL HAVING abs(total - 100) > 1e-6
UNION ALL
SELECT 'compute_and_cloud', span, quarter, sum(share_of_compute_and_cloud_pct) AS total
FROM mart.profit_pools WHERE in_compute_and_cloud AND share_of_compute_and_cloud_pct IS NOT NULL
GROUP BY ALL HAVING abs(total - 100) > 1e-6
