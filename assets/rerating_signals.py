"""The signals of the re-rating checklist, measured.

What belongs here: one value per company, quarter and signal with its sources, and why a value can be absent. What does not: thresholds
and verdicts (`assets.rerating`).
"""

from __future__ import annotations

import ibis
import ibis.expr.datatypes as dt
from ibis.expr.types import NumericValue, StringValue, StructValue, Table

from assets.expressions import calendar_quarter, days_between, growth, quarter_label, quarter_number, ratio
from assets.sourced import FILINGS, confidence_rank, used
from warehouse.methodology import Methodology
from warehouse.methodology_debate import MainDefinition, ReratingParameters

KEY = ["ticker", "number"]
PERCENT, POINTS = "percent", "percentage_points"
UNITS = {
    "cloud_revenue_growth": PERCENT,
    "backlog_conversion_change": POINTS,
    "capex_growth_less_cloud_growth": POINTS,
    "free_cash_flow_margin": PERCENT,
    "gross_margin_change": POINTS,
    "segment_margin_change": POINTS,
    "depreciation_growth_less_revenue_growth": POINTS,
    "backlog_growth_without_largest_customer": PERCENT,
    "ai_revenue_growth": PERCENT,
    "paid_seats_growth": PERCENT,
    "ten_year_yield": PERCENT,
    "financial_conditions": "index_points",
    "broad_dollar_change": PERCENT,
    "capex_share_of_operating_cash_flow": PERCENT,
    "depreciation_share_change": POINTS,
    "largest_customer_share": PERCENT,
    "circular_share_of_backlog": PERCENT,
}
NO_CLOUD = (
    "cloud revenue of the quarter or of a year before is not disclosed, or the segment's structure changed between them"
)
NO_DEPRECIATION = "depreciation of four quarters, or of those a year before, is missing or on a recast basis"
NO_SERIES = "the series has no observation for the quarter"
ABSENT = {
    "cloud_revenue_growth": NO_CLOUD,
    "backlog_conversion_change": "revenue of four quarters or the backlog of one and two years before is missing",
    "capex_growth_less_cloud_growth": f"capital expenditure is missing, or {NO_CLOUD}",
    "free_cash_flow_margin": "cash flow or revenue of four quarters is missing",
    "gross_margin_change": "gross profit of four quarters, or of those a year before, is missing",
    "segment_margin_change": "the segment's income of eight quarters is not disclosed, or its structure changed among them",
    "depreciation_growth_less_revenue_growth": NO_DEPRECIATION,
    "backlog_growth_without_largest_customer": "the year crosses a break, and growth without its large customer is not known",
    "ai_revenue_growth": "no AI run rate with an earlier one, and no growth, was disclosed for the quarter",
    "paid_seats_growth": "no number of seats with an earlier one was disclosed for the quarter",
    "ten_year_yield": NO_SERIES,
    "financial_conditions": NO_SERIES,
    "broad_dollar_change": NO_SERIES,
    "capex_share_of_operating_cash_flow": "cash flow of four quarters is missing or not positive",
    "depreciation_share_change": NO_DEPRECIATION,
    "largest_customer_share": "no share of a customer is disclosed for the quarter",
    "circular_share_of_backlog": "no backlog is known for the quarter, or it holds a commitment that is dated after it",
}
MACRO = {"ten_year_yield": "DGS10", "financial_conditions": "NFCI", "broad_dollar": "DTWEXBGS"}
GROWTH_METRICS = ["generative_ai_product_growth", "gpu_revenue_growth"]
DAYS_PER_YEAR = 365.25
# Parts of the panel that bring confidence and estimate marks of their own; figures as filed and macro series are no estimates.
CARRIED = ["cloud", "cloud_ttm", "backlog", "ai_growth", "seats_growth"]


def measured_signals(
    fundamentals: Table,
    pools: Table,
    backlog: Table,
    macro: Table,
    run_rates: Table,
    methodology: Methodology,
) -> Table:
    """Value, sources, confidence place and estimate mark of every signal in every quarter; null values included."""
    rules = methodology.rerating
    panel = _grid(pools, rules)
    for part in (
        _company(fundamentals, pools),
        _cloud(pools, rules),
        _backlog(backlog, methodology.backlog.main_definitions),
        _ai_growth(run_rates),
        _seats(run_rates),
    ):
        panel = panel.left_join(part, KEY).drop(*[f"{name}_right" for name in KEY])
    panel = panel.left_join(_macro(macro), "number").drop("number_right")
    panel = _with_year_before(panel)
    panel = panel.filter(panel.quarter >= rules.first_quarter)
    cells = [_cell(panel, signal, *parts) for signal, parts in _formulas(panel).items()]
    # One array of cells: a union would compute the panel once per signal.
    return panel.select("ticker", "quarter", cell=ibis.array(cells).unnest()).unpack("cell")


def _grid(pools: Table, rules: ReratingParameters) -> Table:
    """Every company in every quarter in which any figure of a checklist company or its cloud exists."""
    wanted = [name for company in rules.companies for name in (company.ticker, company.cloud)]
    quarters = pools.filter(pools.entity.isin(wanted), pools.span == "quarter").select("quarter").distinct()
    tickers = pools.filter(pools.entity.isin([company.ticker for company in rules.companies]))
    grid = tickers.select(ticker=tickers.entity).distinct().cross_join(quarters)
    return grid.mutate(number=quarter_number(grid.quarter))


def _company(fundamentals: Table, pools: Table) -> Table:
    margins = pools.filter(pools.entity_kind == "company", pools.span == "ttm").select(
        ticker="entity", calendar_quarter="quarter", gross_margin="gross_margin_pct"
    )
    key = ["ticker", "calendar_quarter"]
    rows = fundamentals.left_join(margins, key).drop(*[f"{name}_right" for name in key])
    depreciation = ibis.ifelse(
        rows.basis_break_ttm.fill_null(False), ibis.null(dt.float64), rows.depreciation_amortization_ttm_usd
    )
    return rows.select(
        "ticker",
        "gross_margin",
        number=quarter_number(rows.calendar_quarter),
        capex=rows.capital_expenditure_usd,
        capex_ttm=rows.capital_expenditure_ttm_usd,
        cash_ttm=rows.operating_cash_flow_ttm_usd,
        free_ttm=rows.free_cash_flow_ttm_usd,
        revenue_ttm=rows.revenue_ttm_usd,
        depreciation_ttm=depreciation,
        company_source=ibis.literal(f"{FILINGS}/") + rows.ticker + ibis.literal("/") + rows.calendar_quarter,
    )


def _cloud(pools: Table, rules: ReratingParameters) -> Table:
    segments = pools.filter(pools.entity.isin([company.cloud for company in rules.companies]))
    quarter, ttm = segments.span == "quarter", segments.span == "ttm"
    return (
        segments.group_by("ticker", "quarter")
        .agg(
            number=quarter_number(segments.quarter).max(),
            cloud=segments.revenue_usd.max(where=quarter),
            cloud_margin=segments.operating_margin_pct.max(where=ttm),
            cloud_is_old=segments.is_before_recast.any(where=quarter),
            cloud_ttm_is_old=segments.is_before_recast.any(where=ttm),
            cloud_source=segments.source_ids.max(where=quarter),
            cloud_ttm_source=segments.source_ids.max(where=ttm),
            cloud_place=confidence_rank(segments.lowest_confidence).max(where=quarter),
            cloud_ttm_place=confidence_rank(segments.lowest_confidence).max(where=ttm),
            cloud_estimate=segments.is_third_party_estimate.any(where=quarter),
            cloud_ttm_estimate=segments.is_third_party_estimate.any(where=ttm),
        )
        .drop("quarter")
    )


def _backlog(backlog: Table, definitions: tuple[MainDefinition, ...]) -> Table:
    chosen = ibis.or_(
        *[(backlog.entity == main.entity) & (backlog.definition == main.definition) for main in definitions]
    )
    rows = backlog.filter(chosen)
    plain = ibis.ifelse(rows.growth_crosses_break, ibis.null(dt.float64), rows.growth_pct)
    return rows.select(
        "ticker",
        number=quarter_number(rows.quarter),
        conversion=rows.trailing_conversion_ratio,
        backlog_growth=ibis.coalesce(
            rows.growth_excluding_largest_customer_pct, rows.growth_without_large_commitments_pct, plain
        ),
        largest_share=rows.largest_customer_share_pct,
        circular_share=100 * ratio(rows.large_commitments_usd, rows.remaining_performance_obligation_usd),
        backlog_source=rows.source_ids,
        backlog_place=confidence_rank(rows.lowest_confidence),
        backlog_estimate=rows.is_third_party_estimate,
    )


def _since_last(rows: Table) -> Table:
    """Each disclosure with the one before of the same company and metric."""
    order = ibis.window(group_by=["ticker", "metric"], order_by="as_of_date")
    return rows.mutate(value_before=rows["value"].lag(1).over(order), date_before=rows.as_of_date.lag(1).over(order))


def _disclosed(rows: Table, value: NumericValue, quarter: StringValue, name: str) -> Table:
    """Disclosed growth per company and quarter; the last where a quarter holds several."""
    found = rows.select(
        "ticker",
        number=quarter_number(quarter),
        found=value,
        source=ibis.literal("raw.ai_run_rates/") + rows.reference_id,
        place=confidence_rank(rows.confidence),
        estimate=rows.is_third_party_estimate,
        day=ibis.coalesce(rows.as_of_date, rows.period_end_date),
    )
    found = found.filter(found.found.notnull())
    return found.group_by(*KEY).agg(
        **{
            name: found.found.argmax(found.day),
            f"{name}_source": found.source.argmax(found.day),
            f"{name}_place": found.place.max(),
            f"{name}_estimate": found.estimate.any(),
        }
    )


def _ai_growth(run_rates: Table) -> Table:
    """Growth a year: of a disclosed AI run rate since the disclosure before, or of AI products as disclosed."""
    rows = used(run_rates).filter(run_rates.ticker.notnull())
    levels = _since_last(rows.filter(rows.metric == "ai_run_rate"))
    years = days_between(levels.as_of_date, levels.date_before) / DAYS_PER_YEAR
    rate = 100 * ((levels["value"] / levels.value_before) ** (1 / years.nullif(0)) - 1)
    stated = rows.filter(rows.metric.isin(GROWTH_METRICS))
    quarter = calendar_quarter(stated.period_start_date, stated.period_end_date)
    both = _disclosed(levels, rate, quarter_label(levels.as_of_date), "ai_growth").union(
        _disclosed(stated, 100 * stated["value"], quarter, "ai_growth")
    )
    return both.group_by(*KEY).agg(
        ai_growth=both.ai_growth.max(),
        ai_growth_source=both.ai_growth_source.max(),
        ai_growth_place=both.ai_growth_place.max(),
        ai_growth_estimate=both.ai_growth_estimate.any(),
    )


def _seats(run_rates: Table) -> Table:
    """Growth of paid seats since the disclosure before."""
    rows = used(run_rates)
    levels = _since_last(rows.filter(rows.metric == "paid_seats", rows.ticker.notnull()))
    return _disclosed(
        levels, 100 * growth(levels["value"], levels.value_before), quarter_label(levels.as_of_date), "seats_growth"
    )


def _macro(macro: Table) -> Table:
    """The three series by quarter, the broad dollar with its change over a year."""
    rows = used(macro)
    numbered = rows.mutate(number=quarter_number(rows.quarter))
    wide = numbered.group_by("number").agg(
        **{name: numbered["value"].max(where=numbered.series == series) for name, series in MACRO.items()},
        **{
            f"{name}_source": (ibis.literal("raw.macro_series/") + numbered.series + "/" + numbered.quarter).max(
                where=numbered.series == series
            )
            for name, series in MACRO.items()
        },
        macro_place=confidence_rank(numbered.confidence).max(),
    )
    before = wide.select(number=wide.number + 4, dollar_before=wide.broad_dollar)
    return wide.left_join(before, "number").drop("number_right")


def _with_year_before(panel: Table) -> Table:
    names = [
        "cloud",
        "cloud_is_old",
        "cloud_margin",
        "cloud_ttm_is_old",
        "capex",
        "gross_margin",
        "depreciation_ttm",
        "revenue_ttm",
        "conversion",
    ]
    before = panel.select("ticker", number=panel.number + 4, **{f"{name}_before": panel[name] for name in names})
    return panel.left_join(before, KEY).drop(*[f"{name}_right" for name in KEY])


def _formulas(panel: Table) -> dict[str, tuple[NumericValue, list[str]]]:
    """Signal → value and the parts it comes from."""
    same_structure = panel.cloud_is_old == panel.cloud_is_old_before
    cloud_growth = ibis.ifelse(same_structure, 100 * growth(panel.cloud, panel.cloud_before), ibis.null(dt.float64))
    same_margins = panel.cloud_ttm_is_old == panel.cloud_ttm_is_old_before
    margin_change = ibis.ifelse(same_margins, panel.cloud_margin - panel.cloud_margin_before, ibis.null(dt.float64))
    share = 100 * ratio(panel.depreciation_ttm, panel.revenue_ttm)
    share_before = 100 * ratio(panel.depreciation_ttm_before, panel.revenue_ttm_before)
    cash = ibis.ifelse(panel.cash_ttm > 0, panel.cash_ttm, ibis.null(dt.float64))
    depreciation_growth = 100 * growth(panel.depreciation_ttm, panel.depreciation_ttm_before)
    revenue_growth = 100 * growth(panel.revenue_ttm, panel.revenue_ttm_before)
    return {
        "cloud_revenue_growth": (cloud_growth, ["cloud"]),
        "backlog_conversion_change": (100 * (panel.conversion - panel.conversion_before), ["backlog"]),
        "capex_growth_less_cloud_growth": (
            100 * growth(panel.capex, panel.capex_before) - cloud_growth,
            ["company", "cloud"],
        ),
        "free_cash_flow_margin": (100 * ratio(panel.free_ttm, panel.revenue_ttm), ["company"]),
        "gross_margin_change": (panel.gross_margin - panel.gross_margin_before, ["company"]),
        "segment_margin_change": (margin_change, ["cloud_ttm"]),
        "depreciation_growth_less_revenue_growth": (depreciation_growth - revenue_growth, ["company"]),
        "backlog_growth_without_largest_customer": (panel.backlog_growth, ["backlog"]),
        "ai_revenue_growth": (panel.ai_growth, ["ai_growth"]),
        "paid_seats_growth": (panel.seats_growth, ["seats_growth"]),
        "ten_year_yield": (panel.ten_year_yield, ["ten_year_yield"]),
        "financial_conditions": (panel.financial_conditions, ["financial_conditions"]),
        "broad_dollar_change": (100 * growth(panel.broad_dollar, panel.dollar_before), ["broad_dollar"]),
        "capex_share_of_operating_cash_flow": (100 * ratio(panel.capex_ttm, cash), ["company"]),
        "depreciation_share_change": (share - share_before, ["company"]),
        "largest_customer_share": (panel.largest_share, ["backlog"]),
        "circular_share_of_backlog": (panel.circular_share, ["backlog"]),
    }


def _cell(panel: Table, signal: str, value: NumericValue, parts: list[str]) -> StructValue:
    """A signal with sources and confidence of its parts."""
    sources = {name: panel[f"{name}_source"] for name in ("company", *CARRIED, *MACRO)}
    places = {name: panel[f"{name}_place"] for name in CARRIED} | dict.fromkeys(MACRO, panel.macro_place)
    estimates = {name: panel[f"{name}_estimate"] for name in CARRIED}
    text, place, estimate = sources[parts[0]], ibis.literal(0, "int64"), ibis.literal(False)
    for name in parts[1:]:
        text = text + ibis.literal(", ") + sources[name]
    for name in parts:
        if name in places:
            place = ibis.greatest(place, places[name].fill_null(0))
        if name in estimates:
            estimate = estimate | estimates[name].fill_null(False)
    return ibis.struct(
        {
            "signal": ibis.literal(signal),
            "value": value.cast("float64"),
            "source_ids": text,
            "place": place.cast("int64"),
            "is_estimated": estimate,
        }
    )
