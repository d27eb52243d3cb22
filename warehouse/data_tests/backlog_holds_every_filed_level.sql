-- table: mart.backlog
-- severity: error
-- rule: Every remaining performance obligation that core.fundamentals holds is a level of the company.
SELECT f.ticker, f.calendar_quarter, f.remaining_performance_obligation_usd
FROM core.fundamentals AS f
ANTI JOIN mart.backlog AS b ON b.ticker = f.ticker AND b.quarter = f.calendar_quarter AND b.is_filed
WHERE f.remaining_performance_obligation_usd IS NOT NULL
