-- table: mart.sub_indices
-- severity: error
-- rule: Every value and score is a finite number or null with a reason.
SELECT * FROM mart.sub_indices
WHERE NOT isfinite(value) OR NOT isfinite(score) OR (score IS NULL) <> (missing_reason IS NOT NULL)
