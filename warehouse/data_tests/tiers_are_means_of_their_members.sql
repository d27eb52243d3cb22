-- table: mart.sub_indices
-- severity: error
-- rule: A tier's value is the mean of its index members' values, and it is provisional exactly when one of them has none.
WITH members AS (
    SELECT s.tier, s.basis, s.quarter, s.sub_index, avg(s.value) AS mean_value, count(s.value) AS with_value
    FROM mart.sub_indices AS s
    JOIN raw.universe AS u ON u.ticker = s.entity AND u.in_prosperity_index
    WHERE s.entity_kind = 'company'
    GROUP BY ALL
), sizes AS (
    SELECT tier, count(*) AS size FROM raw.universe WHERE in_prosperity_index GROUP BY tier
)
SELECT t.tier, t.basis, t.quarter, t.sub_index, t.value, m.mean_value
FROM mart.sub_indices AS t
JOIN members AS m USING (tier, basis, quarter, sub_index)
JOIN sizes AS z USING (tier)
WHERE t.entity_kind = 'tier'
    AND (abs(t.value - m.mean_value) > 1e-12 OR (t.value IS NULL) <> (m.mean_value IS NULL)
        OR t.is_provisional <> (m.with_value < z.size))
