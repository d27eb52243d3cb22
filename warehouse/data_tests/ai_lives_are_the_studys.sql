-- table: mart.ai_depreciation_fit
-- severity: error
-- rule: The lives in methodology.yaml are the lives the study states.
SELECT f.name, f.value, s.value AS study_value
FROM mart.ai_depreciation_fit AS f
JOIN raw.ai_capital_expenditure AS s
    ON s.metric = CASE f.name WHEN 'compute_life' THEN 'study_life_compute' WHEN 'other_life' THEN 'study_life_other' END
WHERE f.is_default AND s.entity = 'AI builders (Exponential View)' AND s.conflict_resolution = 'used' AND f.value <> s.value
