-- table: mart.backlog
-- severity: error
-- rule: Growth is that of the same entity and definition over four quarters, and is absent where that level is.
SELECT b.entity, b.definition, b.quarter, b.growth_pct,
    100 * (b.remaining_performance_obligation_usd / y.remaining_performance_obligation_usd - 1) AS expected
FROM mart.backlog AS b
LEFT JOIN mart.backlog AS y ON y.entity = b.entity AND y.definition = b.definition
    AND y.quarter = (left(b.quarter, 4)::INT - 1) || right(b.quarter, 2)
WHERE abs(b.growth_pct - expected) > 1e-9 OR (b.growth_pct IS NULL) <> (expected IS NULL)
