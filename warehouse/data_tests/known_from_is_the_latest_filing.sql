-- table: core.quarters_history
-- severity: error
-- rule: A value is known from the latest filing among its facts; a carried balance from the quarter's own first filing at the earliest.
SELECT ticker, concept, measure, fiscal_year, fiscal_quarter, method, known_from_date,
    list_max(list_transform(facts, lambda fact: fact.filed_date)) AS latest_filed_date
FROM core.quarters_history
WHERE known_from_date < list_max(list_transform(facts, lambda fact: fact.filed_date))
    OR (method <> 'carried_forward' AND known_from_date <> list_max(list_transform(facts, lambda fact: fact.filed_date)))
    OR known_to_date <= known_from_date
