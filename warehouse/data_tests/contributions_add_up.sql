-- table: mart.composite_contributions
-- severity: error
-- rule: The contributions of all companies and sub-indices add up to the change of the tier's composite score; where a score is null there are none.
SELECT c.tier, c.basis, c.quarter, c.comparison, sum(c.contribution_points) AS contributions, any_value(s.composite_score - b.composite_score) AS change
FROM mart.composite_contributions AS c
JOIN mart.composite_scores AS s ON s.entity = c.tier AND s.basis = c.basis AND s.quarter = c.quarter
JOIN mart.composite_scores AS b ON b.entity = c.tier AND b.basis = c.basis AND b.quarter = c.quarter_before
GROUP BY ALL
HAVING coalesce(abs(sum(c.contribution_points) - any_value(s.composite_score - b.composite_score)) > 1e-6, true)
