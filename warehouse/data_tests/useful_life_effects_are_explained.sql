-- table: mart.useful_life_policies
-- severity: error
-- rule: A longer life lowers depreciation and a shorter one raises it, as disclosed and by the formula; a null effect has a reason.
SELECT reference_id, direction, depreciation_effect_usd, formula_effect_usd, missing_reason
FROM mart.useful_life_policies
WHERE (direction = 'longer' AND (depreciation_effect_usd > 0 OR formula_effect_usd > 0))
    OR (direction = 'shorter' AND (depreciation_effect_usd < 0 OR formula_effect_usd < 0))
    OR (formula_effect_usd IS NULL) <> (missing_reason IS NOT NULL)
