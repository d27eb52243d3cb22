-- table: core.fundamentals
-- severity: error
-- rule: From the second quarter on, a flow since the start of the fiscal year differs from the quarter alone, unless the quarters before sum to zero.
SELECT y.ticker, y.concept, y.fiscal_year, y.fiscal_quarter, y.value
FROM core.fiscal_year_to_date AS y
JOIN core.quarters AS q USING (ticker, concept, fiscal_year, fiscal_quarter)
WHERE y.fiscal_quarter > 1 AND y.value = q.value AND y.value <> 0
    AND coalesce((
        SELECT sum(b.value) FROM core.quarters AS b
        WHERE b.ticker = y.ticker AND b.concept = y.concept AND b.fiscal_year = y.fiscal_year
            AND b.fiscal_quarter < y.fiscal_quarter
    ), 1) <> 0
