"""The re-rating checklist: signals against thresholds, conditions, soft warnings, scenario.

What belongs here: `mart.rerating_checklist`, `mart.rerating_scenarios`. What does not: measuring the signals (`assets.rerating_signals`).
"""

from __future__ import annotations

from typing import Annotated

import ibis
import ibis.expr.datatypes as dt
from ibis.expr.types import StringValue, Table

from assets.expressions import whole
from assets.rerating_signals import ABSENT, UNITS, measured_signals
from assets.sourced import confidence_name, confidence_rank
from schemas.core.fundamentals import Fundamentals
from schemas.mart.backlog import Backlog
from schemas.mart.profit_pools import ProfitPools
from schemas.mart.rerating import ALL_SIGNALS, CONDITIONS, ReratingChecklist, ReratingScenarios
from schemas.raw.reference_events import MacroSeries
from schemas.raw.reference_figures import AiRunRates
from warehouse.methodology import Methodology
from warehouse.methodology_debate import ReratingParameters, ScenarioRules, Signal

CELL = ["ticker", "quarter", "condition"]
WARNING = "soft_warning"


def rerating_checklist(
    fundamentals: Annotated[Table, Fundamentals],
    profit_pools: Annotated[Table, ProfitPools],
    backlog: Annotated[Table, Backlog],
    macro_series: Annotated[Table, MacroSeries],
    ai_run_rates: Annotated[Table, AiRunRates],
    methodology: Methodology,
) -> Annotated[Table, ReratingChecklist]:
    """Every signal of every condition with its verdict, and the condition as the count of its signals.

    Grain: company × quarter × condition × signal. Every cell exists; one without data says why.
    """
    rules = methodology.rerating
    values = measured_signals(fundamentals, profit_pools, backlog, macro_series, ai_run_rates, methodology)
    cells = _judged(values, rules.signals)
    conditions = _conditions(cells.filter(cells.condition != WARNING), rules)
    return cells.select(*ReratingChecklist.to_schema().columns).union(
        conditions.select(*ReratingChecklist.to_schema().columns)
    )


def _by_signal(name: StringValue, values: dict[str, object]) -> ibis.Value:
    return ibis.cases(*[(name == key, value) for key, value in values.items()])


def _thresholds(name: StringValue, signals: tuple[Signal, ...]) -> ibis.Value:
    """Thresholds as floats: the engine reads bare numbers as decimals, and the typed null makes the column a float."""
    return ibis.cases(
        *[(name == entry.signal, float(entry.threshold)) for entry in signals], else_=ibis.null(dt.float64)
    )


def _judged(values: Table, signals: tuple[Signal, ...]) -> Table:
    """Verdicts of the measured values."""
    table = values.mutate(
        condition=_by_signal(values.signal, {entry.signal: entry.condition for entry in signals}),
        comparison=_by_signal(values.signal, {entry.signal: entry.comparison for entry in signals}),
        threshold=_thresholds(values.signal, signals),
        unit=_by_signal(values.signal, dict(UNITS)),
    )
    is_empty = table["value"].isnull()
    holds = ibis.ifelse(
        table.comparison == "at_least", table["value"] >= table.threshold, table["value"] <= table.threshold
    )
    return table.mutate(
        verdict=ibis.cases((is_empty, "no_data"), (holds, "met"), else_="not_met"),
        signals_with_data=(~is_empty).cast("int64"),
        lowest_confidence=ibis.ifelse(is_empty, ibis.null(dt.string), confidence_name(table.place)),
        is_third_party_estimate=~is_empty & table.is_estimated,
        source_ids=ibis.ifelse(is_empty, ibis.null(dt.string), table.source_ids),
        missing_reason=ibis.ifelse(is_empty, _by_signal(table.signal, dict(ABSENT)), ibis.null(dt.string)),
    )


def _conditions(cells: Table, rules: ReratingParameters) -> Table:
    """A condition holds when enough of its signals with data do."""
    counted = cells.group_by(*CELL).agg(
        met=whole((cells.verdict == "met").cast("int64").sum()),
        signals_with_data=whole(cells.signals_with_data.sum()),
        place=confidence_rank(cells.lowest_confidence).max(),
        is_third_party_estimate=cells.is_third_party_estimate.any(),
        # Signals of one condition share sources; the cells above name them each.
        source_ids=cells.signal.group_concat(", ", where=cells.verdict != "no_data", order_by=cells.signal),
    )
    enough = counted.signals_with_data >= rules.least_signals_with_data
    share = ibis.ifelse(enough, 100 * counted.met / counted.signals_with_data.nullif(0), ibis.null(dt.float64))
    return counted.mutate(
        signal=ibis.literal(ALL_SIGNALS),
        value=share,
        unit=ibis.literal("percent"),
        comparison=ibis.literal("at_least"),
        threshold=ibis.literal(float(rules.least_met_share_pct)),
        verdict=ibis.cases((~enough, "no_data"), (share >= rules.least_met_share_pct, "met"), else_="not_met"),
        lowest_confidence=confidence_name(counted.place),
        missing_reason=ibis.ifelse(
            enough, ibis.null(dt.string), f"fewer than {rules.least_signals_with_data} signals have data"
        ),
    )


def rerating_scenarios(
    checklist: Annotated[Table, ReratingChecklist],
    methodology: Methodology,
) -> Annotated[Table, ReratingScenarios]:
    """Scenario by the stated rule. Grain: company × quarter."""
    summary, warning = checklist.signal == ALL_SIGNALS, checklist.condition == WARNING
    sounds = warning & (checklist.verdict == "met")
    table = checklist.group_by("ticker", "quarter").agg(
        **{
            name: checklist.verdict.max(where=summary & (checklist.condition == name))
            for name in CONDITIONS
            if name != WARNING
        },
        conditions_met=checklist.count(where=summary & (checklist.verdict == "met")),
        conditions_with_data=checklist.count(where=summary & (checklist.verdict != "no_data")),
        warnings_on=checklist.count(where=sounds),
        warnings_with_data=checklist.count(where=warning & (checklist.verdict != "no_data")),
        warnings=checklist.signal.group_concat(", ", where=sounds, order_by=checklist.signal),
        place=confidence_rank(checklist.lowest_confidence).max(),
        is_third_party_estimate=checklist.is_third_party_estimate.any(),
    )
    return _with_scenario(table, methodology.rerating.scenarios).select(*ReratingScenarios.to_schema().columns)


def _with_scenario(table: Table, rules: ScenarioRules) -> Table:
    enough = table.conditions_with_data >= rules.least_conditions_with_data
    fast = (table.conditions_met >= rules.fast_least_conditions) & (table.warnings_on <= rules.fast_most_warnings)
    slow = (table.conditions_met <= rules.slow_most_conditions) | (table.warnings_on >= rules.slow_least_warnings)
    return table.mutate(
        scenario=ibis.cases((~enough, ibis.null(dt.string)), (fast, "fast"), (slow, "slow"), else_="base"),
        lowest_confidence=confidence_name(table.place),
        missing_reason=ibis.ifelse(
            enough, ibis.null(dt.string), f"fewer than {rules.least_conditions_with_data} conditions have data"
        ),
    )
