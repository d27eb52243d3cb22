-- table: core.quarters_history
-- severity: error
-- rule: The signed sum of the facts kept with a value is the value.
SELECT ticker, concept, measure, fiscal_year, fiscal_quarter, value,
    list_sum(list_transform(facts, lambda fact: fact.value * fact.sign)) AS facts_sum
FROM core.quarters_history
WHERE abs(value - coalesce(list_sum(list_transform(facts, lambda fact: fact.value * fact.sign)), 'nan'::DOUBLE)) > 0.001
    OR len(facts) = 0
