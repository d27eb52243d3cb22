-- table: mart.composite_variants
-- severity: error
-- rule: The variant named default equals mart.composite_scores, and every other score is finite or null with a reason.
SELECT v.variant, v.entity, v.basis, v.quarter, v.composite_score
FROM mart.composite_variants AS v
LEFT JOIN mart.composite_scores AS s USING (entity_kind, entity, basis, quarter)
WHERE (v.variant = 'default' AND (abs(v.composite_score - s.composite_score) > 1e-9
        OR (v.composite_score IS NULL) <> (s.composite_score IS NULL)))
    OR NOT isfinite(v.composite_score) OR (v.composite_score IS NULL) <> (v.missing_reason IS NOT NULL)
