-- table: mart.composite_scores
-- severity: error
-- rule: A tier's company_count is the number of its index members with all three values, and without such a member it has no score.
WITH complete AS (
    SELECT s.entity, s.tier, s.basis, s.quarter
    FROM mart.sub_indices AS s
    JOIN raw.universe AS u ON u.ticker = s.entity AND u.in_prosperity_index
    WHERE s.entity_kind = 'company'
    GROUP BY ALL
    HAVING count(s.value) = 3
), members AS (
    SELECT tier, basis, quarter, count(*) AS member_count FROM complete GROUP BY ALL
)
SELECT t.entity, t.basis, t.quarter, t.composite_score, t.company_count, m.member_count
FROM mart.composite_scores AS t
LEFT JOIN members AS m USING (tier, basis, quarter)
WHERE t.entity_kind = 'tier'
    AND (t.company_count <> coalesce(m.member_count, 0) OR (t.company_count = 0 AND t.composite_score IS NOT NULL))
