"""The catalogue: which tables there are and which function makes each.

What belongs here: the list of asset functions and what can be read off their signatures. What does not: running them.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, get_type_hints

from ibis.expr.types import Table as IbisTable

from assets import (
    ai_coverage,
    ai_depreciation,
    ai_revenue_path,
    ai_vintages,
    backlog,
    capital_expenditure,
    capital_expenditure_guidance,
    circular_money,
    coverage,
    cycle_stage,
    facts,
    fundamentals,
    index_views,
    private_valuations,
    profit_pools,
    prosperity,
    quarters,
    raw,
    real_time,
    reconciliation,
    rerating,
    unit_economics,
    useful_lives,
    watching,
    year_sums,
)
from schemas.base import Table, TableClass, qualified_name
from schemas.meta.warehouse import Quarantine
from schemas.raw import configuration
from schemas.raw.filings import CompanyFacts, FilingIndex, ListedCompanies
from warehouse.raw_tables import LISTS
from warehouse.reference_files import REFERENCE_TABLES

FUNCTIONS: tuple[Callable[..., IbisTable], ...] = (
    raw.filings,
    facts.statement_facts,
    facts.fiscal_years,
    facts.fiscal_quarters,
    facts.companies,
    quarters.quarters_history,
    quarters.quarters,
    quarters.fiscal_year_to_date,
    year_sums.fiscal_year_sums,
    fundamentals.missing_quarters,
    fundamentals.fundamentals,
    prosperity.sub_indices,
    prosperity.composite_scores,
    prosperity.growth_gap,
    coverage.depreciation_coverage,
    index_views.revenue_growth,
    index_views.composite_variants,
    index_views.composite_contributions,
    index_views.composite_sensitivity,
    real_time.composite_score_vintages,
    real_time.restatements,
    watching.awaited_filings,
    ai_vintages.ai_capital_expenditure_vintages,
    ai_depreciation.ai_depreciation_fit,
    ai_depreciation.ai_depreciation_schedule,
    ai_revenue_path.ai_revenue_fit,
    ai_coverage.ai_depreciation_coverage,
    ai_coverage.ai_coverage_sensitivity,
    capital_expenditure.capital_expenditure,
    capital_expenditure_guidance.capital_expenditure_guidance_history,
    useful_lives.useful_life_policies,
    useful_lives.harmonised_depreciation,
    profit_pools.profit_pools,
    circular_money.circular_commitments,
    backlog.backlog,
    circular_money.circular_commitment_pairs,
    circular_money.circular_commitment_exposure,
    unit_economics.unit_economics,
    private_valuations.private_valuations,
    rerating.rerating_checklist,
    rerating.rerating_scenarios,
    cycle_stage.cycle_stage_evidence,
    cycle_stage.cycle_stage,
    reconciliation.published_reconciliation,
)
CONFIGURATION_TABLES: tuple[TableClass, ...] = (
    configuration.Universe,
    configuration.PredecessorCiks,
    configuration.ConceptTags,
    configuration.ConceptApplicability,
    *LISTS,
)
SOURCE_TABLES: tuple[TableClass, ...] = (CompanyFacts, Quarantine, FilingIndex, ListedCompanies)


@dataclass(frozen=True)
class DerivedTable:
    """A table made by a pure function: its class, the classes it reads by parameter, and the settings it takes."""

    table: TableClass
    function: Callable[..., IbisTable]
    inputs: dict[str, TableClass]
    settings: dict[str, type]


def _declared_table(hint: Any) -> TableClass | None:
    for extra in getattr(hint, "__metadata__", ()):
        if inspect.isclass(extra) and issubclass(extra, Table):
            return extra
    return None


def derived_table(function: Callable[..., IbisTable]) -> DerivedTable:
    """Read a function's annotations; raises TypeError where it does not say which table it returns."""
    hints = get_type_hints(function, include_extras=True)
    made = _declared_table(hints.pop("return"))
    if made is None:
        raise TypeError(f"{function.__module__}.{function.__name__}: annotate the table it returns")
    required = {
        name
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.default is inspect.Parameter.empty
    }
    inputs = {name: table for name, hint in hints.items() if (table := _declared_table(hint)) is not None}
    settings = {name: hint for name, hint in hints.items() if name not in inputs and name in required}
    return DerivedTable(made, function, inputs, settings)


def derived_tables() -> Iterator[DerivedTable]:
    """Every table made by a function, in an order in which each comes after its inputs."""
    return map(derived_table, FUNCTIONS)


def all_tables() -> list[TableClass]:
    """Every table that is stored as a file, sources first."""
    return [*CONFIGURATION_TABLES, *REFERENCE_TABLES, *SOURCE_TABLES, *(derived.table for derived in derived_tables())]


def table_by_name(name: str) -> TableClass:
    """The class of `core.quarters`; raises KeyError for a name there is no table of."""
    return {qualified_name(table): table for table in all_tables()}[name]
