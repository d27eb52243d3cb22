-- table: mart.profit_pools
-- severity: error
-- rule: A segment's revenue does not exceed its company's by more than half a per cent.
SELECT part.entity, part.span, part.quarter, part.revenue_usd, company.revenue_usd AS company_revenue_usd
FROM mart.profit_pools AS part
JOIN mart.profit_pools AS company
    ON company.entity_kind = 'company' AND company.entity = part.ticker AND company.span = part.span AND company.quarter = part.quarter
WHERE part.entity_kind = 'segment' AND part.revenue_usd > 1.005 * company.revenue_usd
