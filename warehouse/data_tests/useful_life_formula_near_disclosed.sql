-- table: mart.useful_life_policies
-- severity: warning
-- rule: Where all servers changed, the formula's effect lies within a factor of two and a half of the disclosed one.
SELECT reference_id, depreciation_effect_usd, formula_effect_usd, formula_effect_usd / depreciation_effect_usd AS ratio
FROM mart.useful_life_policies
WHERE coalesce(asset_detail, '') <> 'a part of them'
    AND formula_effect_usd / depreciation_effect_usd NOT BETWEEN 0.4 AND 2.5
