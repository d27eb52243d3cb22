-- table: mart.composite_scores
-- severity: error
-- rule: Every composite_score is a finite number or null with a reason.
SELECT * FROM mart.composite_scores
WHERE NOT isfinite(composite_score) OR (composite_score IS NULL) <> (missing_reason IS NOT NULL)
