-- table: core.fundamentals
-- severity: error
-- rule: Revenue less cost of revenue is gross profit in every quarter that has all three, within three million of rounding, unless the year's recast is listed in raw.known_recasts.
SELECT f.ticker, f.fiscal_year, f.fiscal_quarter, f.revenue_usd, f.cost_of_revenue_usd, f.gross_profit_usd,
    f.revenue_usd - f.cost_of_revenue_usd - f.gross_profit_usd AS difference
FROM core.fundamentals AS f
ANTI JOIN raw.known_recasts AS k
    ON k.ticker = f.ticker AND k.fiscal_year = f.fiscal_year AND k.concept IN ('gross_profit', 'revenue', 'cost_of_revenue')
WHERE abs(f.revenue_usd - f.cost_of_revenue_usd - f.gross_profit_usd) > 3e6
