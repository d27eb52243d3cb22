"""From quarters to fundamentals: flows of the quarter, of four quarters and of the year to date, balances, ROIC.

What belongs here: `core.fundamentals`, `core.missing_quarters`. What does not: index values (`assets.prosperity`).
"""

from __future__ import annotations

from typing import Annotated

import ibis
import ibis.expr.datatypes as dt
from ibis.expr.types import FloatingValue, NumericValue, StringValue, Table

from assets.expressions import (
    QUARTERS_PER_YEAR,
    all_texts,
    calendar_quarter,
    last_four_quarters,
    ratio,
    report_quarter,
    shift_days,
    whole,
)
from schemas.core import facts as core_facts
from schemas.core import quarters as core_quarters
from schemas.core.fundamentals import Fundamentals
from schemas.raw import configuration
from warehouse.concepts import ConceptMap
from warehouse.methodology import Methodology, RoicParameters

PERIOD_KEY = ["ticker", "fiscal_year", "fiscal_quarter"]
CAPITAL_PARTS = {
    "equity": 1,
    "debt": 1,
    "operating_lease_liability": 1,
    "finance_lease_liability": 1,
    "cash": -1,
    "liquid_securities": -1,
}
LEASES = ["operating_lease_liability", "finance_lease_liability"]
BASIS_CONCEPT = "depreciation_amortization"


def fundamentals(
    quarters: Annotated[Table, core_quarters.Quarters],
    fiscal_year_to_date: Annotated[Table, core_quarters.FiscalYearToDate],
    fiscal_quarters: Annotated[Table, core_facts.FiscalQuarters],
    concept_applicability: Annotated[Table, configuration.ConceptApplicability],
    concepts: ConceptMap,
    methodology: Methodology,
    vintage: tuple[str, ...] = (),
) -> Annotated[Table, Fundamentals]:
    """One row per company and fiscal quarter with everything the derived tables need.

    TTM is the sum of four consecutive discrete quarters, null when one is missing. A year-to-date flow is the span as filed (97 %),
    else the sum of its quarters (MSFT's and TSLA's depreciation). A concept that does not exist at a company counts as zero in
    invested capital only. `vintage` names key columns of the inputs that separate states of knowledge.
    """
    flows, balances = concepts.names("flow"), concepts.names("balance")
    wide = _wide(quarters, fiscal_year_to_date, fiscal_quarters, flows, balances, vintage)
    wide = wide.mutate(**_running_sums(wide, flows, vintage))
    capital = _invested_capital(wide.left_join(_absent_parts(concept_applicability), "ticker").drop("ticker_right"))
    returns = _returns(capital, methodology.roic)
    flags = _basis_breaks(returns, vintage)
    complete = returns.mutate(
        **flags,
        free_cash_flow_usd=returns.operating_cash_flow_usd - returns.capital_expenditure_usd,
        free_cash_flow_ttm_usd=returns.operating_cash_flow_ttm_usd - returns.capital_expenditure_ttm_usd,
    )
    return complete.select(*vintage, *Fundamentals.to_schema().columns)


def _wide(
    quarters: Table,
    spans: Table,
    fiscal_quarters: Table,
    flows: list[str],
    balances: list[str],
    vintage: tuple[str, ...],
) -> Table:
    key = [*vintage, *PERIOD_KEY]
    discrete = quarters.group_by(*key).agg(
        **{f"{name}_usd": quarters.value.max(where=quarters.concept == name) for name in [*flows, *balances]},
        known_from_date=quarters.known_from_date.max(),
        flows_known_from_date=quarters.known_from_date.max(where=quarters.concept.isin(flows)),
        basis_break=(quarters.basis_break & (quarters.concept == BASIS_CONCEPT)).any(),
        lease_liabilities_carried_forward=(
            quarters.concept.isin(LEASES) & (quarters.method == "carried_forward")
        ).any(),
    )
    to_date = spans.group_by(*key).agg(
        **{f"{name}_span_usd": spans.value.max(where=spans.concept == name) for name in flows},
        span_known_from_date=spans.known_from_date.max(),
        span_basis_break=(spans.basis_break & (spans.concept == BASIS_CONCEPT)).any(),
    )
    joined = discrete.left_join(to_date, key)
    joined = joined.drop(*[f"{name}_right" for name in key]).mutate(
        known_from_date=ibis.greatest(
            joined.known_from_date, ibis.coalesce(joined.span_known_from_date, joined.known_from_date)
        )
    )
    periods = fiscal_quarters.drop("fiscal_year_start_date", "known_from_date")
    return joined.join(periods, PERIOD_KEY)


def _running_sums(wide: Table, flows: list[str], vintage: tuple[str, ...]) -> dict[str, ibis.Value]:
    """TTM and year-to-date columns, null unless every quarter of the span is there."""
    # Quarters are counted in a window, not looked up with lag(3): clients before DuckDB 2.0 can't read a macro that holds it.
    four = last_four_quarters(group_by=[*vintage, "ticker"], order_by="quarter_index")
    year = ibis.window(
        group_by=[*vintage, "ticker", "fiscal_year"], order_by="quarter_index", preceding=None, following=0
    )
    is_consecutive = wide.quarter_index.count().over(four) == QUARTERS_PER_YEAR
    # A sum is known when the last of its quarters is; the year to date lies within the four quarters.
    flows_known = wide.flows_known_from_date.max().over(four)
    columns: dict[str, ibis.Value] = {
        "ttm_weeks": ibis.ifelse(is_consecutive, whole(wide.weeks.sum().over(four)), ibis.null("int64")),
        "known_from_date": ibis.greatest(wide.known_from_date, ibis.coalesce(flows_known, wide.known_from_date)),
    }
    for name in flows:
        value = wide[f"{name}_usd"]
        is_whole = value.count().over(four) == QUARTERS_PER_YEAR
        columns[f"{name}_ttm_usd"] = ibis.ifelse(is_whole, value.sum().over(four), ibis.null(dt.float64))
        has_all = value.count().over(year) == wide.fiscal_quarter
        summed = ibis.ifelse(has_all, value.sum().over(year), ibis.null(dt.float64))
        columns[f"{name}_fiscal_ytd_usd"] = ibis.coalesce(wide[f"{name}_span_usd"], summed)
    return columns


def _basis_breaks(wide: Table, vintage: tuple[str, ...]) -> dict[str, ibis.Value]:
    four = ibis.window(group_by=[*vintage, "ticker"], order_by="quarter_index", preceding=3, following=0)
    year = ibis.window(
        group_by=[*vintage, "ticker", "fiscal_year"], order_by="quarter_index", preceding=None, following=0
    )
    return {
        "basis_break_ttm": wide.basis_break.any().over(four),
        "basis_break_fiscal_ytd": wide.basis_break.any().over(year) | wide.span_basis_break.fill_null(False),
    }


def _absent_parts(applicability: Table) -> Table:
    """Per company: which parts of invested capital do not exist there."""
    return applicability.group_by("ticker").agg(
        **{
            f"{name}_is_absent": (~applicability.is_applicable & (applicability.concept == name)).any()
            for name in CAPITAL_PARTS
        }
    )


def _invested_capital(wide: Table) -> Table:
    parts = {
        name: ibis.ifelse(wide[f"{name}_is_absent"], ibis.literal(0.0), wide[f"{name}_usd"]) for name in CAPITAL_PARTS
    }
    capital: NumericValue = ibis.literal(0.0)
    for name, part in parts.items():
        capital = capital + part * CAPITAL_PARTS[name]
    return wide.mutate(
        lease_liabilities_usd=parts[LEASES[0]] + parts[LEASES[1]],
        invested_capital_usd=capital,
        missing_capital_parts=all_texts(*[(part.isnull(), name) for name, part in parts.items()], separator=", "),
    )


def _tax_rate(tax: NumericValue, pretax: NumericValue, bounds: RoicParameters) -> FloatingValue:
    rate = ibis.ifelse(pretax > 0, (tax / pretax).clip(bounds.minimum_tax_rate, bounds.maximum_tax_rate), 0.0)
    return ibis.ifelse(tax.isnull() | pretax.isnull(), ibis.null(dt.float64), rate)


def _returns(wide: Table, bounds: RoicParameters) -> Table:
    capital = ibis.ifelse(wide.invested_capital_usd > 0, wide.invested_capital_usd, ibis.null(dt.float64))
    columns: dict[str, ibis.Value] = {}
    for suffix, span, quarters_per_span in (
        ("ttm", "_ttm", ibis.literal(4)),
        ("fiscal_ytd", "_fiscal_ytd", wide.fiscal_quarter),
        ("quarter", "", ibis.literal(1)),
    ):
        rate = _tax_rate(wide[f"income_tax{span}_usd"], wide[f"pretax_income{span}_usd"], bounds)
        after_tax = wide[f"operating_income{span}_usd"] * (1 - rate)
        columns[f"tax_rate_{suffix}_ratio"] = rate
        columns[f"roic_{suffix}_pct"] = 100 * ratio(after_tax, capital) * (4 / quarters_per_span)
        if suffix == "ttm":
            columns["nopat_ttm_usd"] = after_tax
    return wide.mutate(**columns, missing_reason=_missing_roic_reason(wide))


def _missing_roic_reason(wide: Table) -> StringValue:
    """Everything that ROIC of four quarters lacks: parts of invested capital, and flows of NOPAT."""
    incomplete = all_texts(
        *[(wide[f"{name}_ttm_usd"].isnull(), name) for name in ("operating_income", "income_tax", "pretax_income")],
        separator=", ",
    )
    return all_texts(
        (wide.missing_capital_parts.notnull(), ibis.literal("invested capital lacks ") + wide.missing_capital_parts),
        (wide.invested_capital_usd <= 0, "invested capital is not positive"),
        (incomplete.notnull(), ibis.literal("NOPAT lacks one of four quarters of ") + incomplete),
    )


def missing_quarters(
    quarters: Annotated[Table, core_quarters.Quarters],
    fiscal_quarters: Annotated[Table, core_facts.FiscalQuarters],
    concept_applicability: Annotated[Table, configuration.ConceptApplicability],
    concept_tags: Annotated[Table, configuration.ConceptTags],
    known_gaps: Annotated[Table, configuration.KnownGaps],
) -> Annotated[Table, core_quarters.MissingQuarters]:
    """Company × fiscal quarter × concept without a value, with the reason.

    Covers every quarter that a company has filed, and its next one when another company has already filed for the same report quarter
    (not yet published). Quarters before the first value of a concept at hand have a reason of their own: 57 % of the bundled rows.
    """
    periods = fiscal_quarters.select(
        *PERIOD_KEY, "quarter_index", "period_end_date", "calendar_quarter", "report_quarter"
    ).mutate(is_filed=ibis.literal(True))
    grid = periods.union(_next_quarters(fiscal_quarters)).join(concept_applicability, "ticker")
    present = quarters.select(*PERIOD_KEY, "concept", is_present=ibis.literal(True))
    first = (
        present.mutate(quarter_index=present.fiscal_year * 4 + present.fiscal_quarter)
        .group_by("ticker", "concept")
        .agg(first_index=ibis._.quarter_index.min())
    )
    own_tags = concept_tags.group_by("ticker", "concept").agg(
        is_own_tag=((concept_tags.taxonomy != "us-gaap") & (concept_tags.alternative == 0)).any()
    )
    key = [*PERIOD_KEY, "concept"]
    missing = grid.left_join(present, key).drop(*[f"{name}_right" for name in key])
    for table in (first, own_tags):
        missing = missing.left_join(table, ["ticker", "concept"]).drop("ticker_right", "concept_right")
    missing = missing.filter(missing.is_present.isnull())
    gaps = known_gaps.rename(gap_reason="reason", gap_concept="concept", gap_ticker="ticker")
    missing = missing.left_join(
        gaps,
        [
            missing.ticker == gaps.gap_ticker,
            missing.concept == gaps.gap_concept,
            missing.period_end_date.between(gaps.first_period_end_date, gaps.last_period_end_date),
        ],
    )
    latest_filed = fiscal_quarters.group_by("ticker").agg(latest_index=fiscal_quarters.quarter_index.max())
    missing = missing.left_join(latest_filed, "ticker").drop("ticker_right")
    awaits = missing.is_own_tag.fill_null(False) & (missing.quarter_index == missing.latest_index)
    reason = ibis.cases(
        (~missing.is_applicable, "not_applicable"),
        (~missing.is_filed, "not_yet_published"),
        (missing.gap_reason.notnull(), "known_gap"),
        (missing.quarter_index < missing.first_index, "before_first_value"),
        (awaits, "awaiting_source"),
        else_="not_reported",
    )
    explanation = ibis.ifelse(missing.is_applicable, missing.gap_reason, missing.because)
    return missing.mutate(reason=reason, explanation=explanation).select(
        *core_quarters.MissingQuarters.to_schema().columns
    )


def _next_quarters(fiscal_quarters: Table) -> Table:
    """The quarter after each company's newest, where another company has filed for its report quarter already."""
    latest = fiscal_quarters.group_by("ticker").agg(
        quarter_index=fiscal_quarters.quarter_index.max() + 1,
        last_end_date=fiscal_quarters.period_end_date.max(),
    )
    # quarter_index is 4 × fiscal year + quarter with quarters 1–4, so the fourth quarter carries into the next multiple.
    start, end = shift_days(latest.last_end_date, 1), shift_days(latest.last_end_date, 91)
    expected = latest.select(
        "ticker",
        fiscal_year=(latest.quarter_index - 1) // 4,
        fiscal_quarter=((latest.quarter_index - 1) % 4 + 1).cast("int64"),
        quarter_index=latest.quarter_index,
        period_end_date=end,
        calendar_quarter=calendar_quarter(start, end),
        report_quarter=report_quarter(end),
        is_filed=ibis.literal(False),
    ).mutate(fiscal_year=ibis._.fiscal_year.cast("int64"))
    filed = fiscal_quarters.select("report_quarter").distinct()
    return expected.semi_join(filed, "report_quarter")
