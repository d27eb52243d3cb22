-- table: mart.harmonised_depreciation
-- severity: error
-- rule: A common life shorter than the own life raises depreciation, a longer one lowers it, the own life leaves it; nulls have a reason.
SELECT ticker, quarter, common_life_years, own_life_years, reported_depreciation_usd, harmonised_depreciation_usd, missing_reason
FROM mart.harmonised_depreciation
WHERE (common_life_years < own_life_years AND difference_usd <= 0 AND reported_depreciation_usd > 0)
    OR (common_life_years > own_life_years AND difference_usd >= 0 AND reported_depreciation_usd > 0)
    OR (common_life_years = own_life_years AND abs(difference_usd) > 1)
    OR (harmonised_depreciation_usd IS NULL AND missing_reason IS NULL)
