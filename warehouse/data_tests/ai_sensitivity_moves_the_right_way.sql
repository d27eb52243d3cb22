-- table: mart.ai_coverage_sensitivity
-- severity: error
-- rule: Coverage rises with the life and with the lag and falls with the share; it is below 1 at lives shorter than the covering life; nulls have a reason.
SELECT a.in_service_lag_quarters, a.ai_share, a.useful_life_years, a.coverage_ratio, a.shortest_covering_life_years, a.missing_reason
FROM mart.ai_coverage_sensitivity AS a
LEFT JOIN mart.ai_coverage_sensitivity AS b
    ON (b.in_service_lag_quarters = a.in_service_lag_quarters AND b.ai_share = a.ai_share AND b.useful_life_years < a.useful_life_years
        AND b.coverage_ratio > a.coverage_ratio)
    OR (b.in_service_lag_quarters < a.in_service_lag_quarters AND b.ai_share = a.ai_share AND a.ai_share <> 'fitted'
        AND b.useful_life_years = a.useful_life_years AND b.coverage_ratio > a.coverage_ratio)
    OR (b.in_service_lag_quarters = a.in_service_lag_quarters AND b.useful_life_years = a.useful_life_years
        AND b.ai_share_ratio < a.ai_share_ratio AND b.coverage_ratio < a.coverage_ratio)
WHERE b.ai_share IS NOT NULL
    OR (a.coverage_ratio < 1 AND a.useful_life_years >= a.shortest_covering_life_years)
    OR (a.coverage_ratio IS NULL OR a.shortest_covering_life_years IS NULL) <> (a.missing_reason IS NOT NULL)
