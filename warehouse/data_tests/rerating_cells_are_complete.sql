-- table: mart.rerating_checklist
-- severity: error
-- rule: Every company has every signal of every condition in every quarter, and liquidity is the same for all companies.
WITH cells AS (SELECT DISTINCT condition, signal FROM mart.rerating_checklist),
expected AS (
    SELECT t.ticker, q.quarter, c.condition, c.signal
    FROM (SELECT DISTINCT ticker FROM mart.rerating_checklist) AS t,
        (SELECT DISTINCT quarter FROM mart.rerating_checklist) AS q, cells AS c
)
SELECT e.ticker, e.quarter, e.condition, e.signal, 'absent' AS problem
FROM expected AS e ANTI JOIN mart.rerating_checklist USING (ticker, quarter, condition, signal)
UNION ALL
SELECT NULL, quarter, condition, signal, 'differs between companies'
FROM mart.rerating_checklist WHERE condition = 'liquidity'
GROUP BY ALL HAVING count(DISTINCT coalesce(value, 'nan'::DOUBLE)) > 1
