-- table: mart.profit_pools
-- severity: error
-- rule: Operating income and margins of four quarters meet the calendar year that a source prints, within the rounding of both.
WITH years AS (
    SELECT CASE WHEN e.kind = 'listed_company' THEN s.ticker ELSE s.entity END AS entity, s.metric,
        year(s.period_end_date) || 'Q4' AS quarter, s.value, s.rounding, s.reference_id
    FROM raw.segments AS s
    JOIN raw.reference_entities AS e USING (entity)
    WHERE s.basis = 'calendar_year' AND s.conflict_resolution IN ('used', 'repeated')
        AND s.metric IN ('operating_income', 'gross_margin', 'operating_margin')
)
SELECT y.reference_id, y.value AS published,
    CASE y.metric WHEN 'operating_income' THEN p.operating_income_usd WHEN 'gross_margin' THEN p.gross_margin_pct / 100
        ELSE p.operating_margin_pct / 100 END AS ours
FROM years AS y
JOIN mart.profit_pools AS p ON p.entity = y.entity AND p.quarter = y.quarter AND p.span = 'ttm' AND p.entity_kind <> 'tier'
WHERE abs(ours - published) > y.rounding / 2 + CASE y.metric
    WHEN 'operating_income' THEN coalesce(p.operating_income_rounding_usd, 0)
    ELSE coalesce(p.operating_income_rounding_usd / p.revenue_usd, 0) END
