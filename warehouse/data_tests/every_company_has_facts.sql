-- table: core.companies
-- severity: warning
-- rule: Every company of the universe has facts (a refresh --as-of may go back to before a company's first filing).
SELECT ticker, cik, name FROM core.companies WHERE latest_filed_date IS NULL
