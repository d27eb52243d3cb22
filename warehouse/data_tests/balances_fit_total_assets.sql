-- table: core.fundamentals
-- severity: error
-- rule: Cash, current marketable securities and property fit into total assets, and equity does not exceed them.
SELECT ticker, fiscal_year, fiscal_quarter, total_assets_usd, cash_usd, marketable_securities_usd, property_plant_equipment_usd, equity_usd
FROM core.fundamentals
WHERE coalesce(cash_usd, 0) + coalesce(marketable_securities_usd, 0) + coalesce(property_plant_equipment_usd, 0) > total_assets_usd
    OR equity_usd > total_assets_usd
