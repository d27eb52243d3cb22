-- table: mart.profit_pools
-- severity: error
-- rule: No perimeter holds a segment together with its company, and the chain holds whole companies only.
SELECT part.span, part.quarter, part.entity, part.ticker
FROM mart.profit_pools AS part
JOIN mart.profit_pools AS company
    ON company.entity_kind = 'company' AND company.entity = part.ticker AND company.span = part.span AND company.quarter = part.quarter
WHERE part.entity_kind = 'segment' AND part.in_compute_and_cloud AND company.in_compute_and_cloud
UNION ALL
SELECT span, quarter, entity, ticker FROM mart.profit_pools WHERE in_chain AND entity_kind <> 'company'
