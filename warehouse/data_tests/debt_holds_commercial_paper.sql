-- table: core.quarters
-- severity: error
-- rule: Where a company has commercial paper or other short-term borrowings outstanding, its debt of that day holds them.
SELECT debt.ticker, debt.period_end_date, debt.value AS debt, paper.value AS commercial_paper
FROM core.quarters AS debt
JOIN core.quarters AS paper USING (ticker, fiscal_year, fiscal_quarter)
WHERE debt.concept = 'debt' AND paper.concept = 'commercial_paper' AND paper.value <> 0
    AND NOT list_has_any([fact.tag FOR fact IN debt.facts], ['CommercialPaper', 'ShortTermBorrowings', 'OtherShortTermBorrowings'])
