"""The filing index: typed rows, bad rows by name, the clock of acceptance times, what is awaited."""

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.edgar.errors import BadIndex, EdgarError, NotJson, WrongCompany
from pipelines.edgar.facts import summarise_facts
from pipelines.edgar.submissions import (
    acceptance_clock,
    filing_url,
    missing_filings,
    new_filings,
    outstanding,
    read_index,
    read_older_page,
)

from .world import MadeUpFiling, columns, facts_body, index_body

CIK = 9_000_001
GOOD = MadeUpFiling(
    "0009000001-26-000002",
    "8-K",
    "2026-05-05",
    "2026-05-05T20:31:45.000Z",
    "2026-05-04",
    items="2.02,9.01",
    numeric=False,
)


def changed(column: str, value: object) -> bytes:
    """Return an index of a good row and one in which one value is another."""
    content = json.loads(index_body(CIK, [GOOD, MadeUpFiling("0009000001-26-000003", "10-Q", "2026-05-06", "")]))
    content["filings"]["recent"][column][1] = value
    return json.dumps(content).encode()


def test_a_row_has_its_types() -> None:
    (filing,) = read_index(index_body(CIK, [GOOD]), CIK, "u").filings
    assert (filing.cik, filing.accession, filing.form) == (CIK, "0009000001-26-000002", "8-K")
    assert (filing.filed_date, filing.report_date) == (date(2026, 5, 5), date(2026, 5, 4))
    assert filing.acceptance_datetime == datetime(2026, 5, 5, 20, 31, 45, tzinfo=UTC)
    assert (filing.items, filing.is_xbrl, filing.is_inline_xbrl, filing.is_xbrl_numeric) == (
        "2.02,9.01",
        True,
        True,
        False,
    )
    assert filing.filing_url == "https://www.sec.gov/Archives/edgar/data/9000001/000900000126000002/report-000002.htm"


def test_what_a_row_does_not_say_is_none() -> None:
    body = index_body(CIK, [MadeUpFiling("0009000001-26-000003", "10-Q", "2026-05-06", "", xbrl=False)])
    (filing,) = read_index(body, CIK, "u").filings
    assert (filing.report_date, filing.acceptance_datetime, filing.is_xbrl_numeric) == (None, None, None)


def test_a_filing_without_a_document_links_to_its_contents() -> None:
    expected = "https://www.sec.gov/Archives/edgar/data/7/000000000726000001/0000000007-26-000001-index.htm"
    assert filing_url(7, "0000000007-26-000001", "") == expected


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("accessionNumber", "../../etc", "accession number '../../etc'"),
        ("accessionNumber", None, "accession number None"),
        ("form", "", "form ''"),
        ("form", 10, "form 10"),
        ("filingDate", "2026-13-01", "filing date '2026-13-01'"),
        ("filingDate", None, "filing date None"),
        ("reportDate", "yesterday", "report date 'yesterday'"),
        ("acceptanceDateTime", "soon", "acceptance time 'soon'"),
        ("acceptanceDateTime", 20260505, "acceptance time 20260505"),
        ("primaryDocument", "../../../passwd", "primary document"),
        ("primaryDocument", "/etc/passwd", "primary document"),
        ("primaryDocument", "a\\..\\b", "primary document"),
        ("primaryDocument", ["x"], "primary document"),
    ],
)
def test_a_bad_row_is_rejected_by_name_and_the_good_one_stays(column: str, value: object, reason: str) -> None:
    index = read_index(changed(column, value), CIK, "u")
    assert [filing.accession for filing in index.filings] == [GOOD.accession]
    (rejected,) = index.rejected
    assert rejected.row == 1
    assert reason in rejected.reason
    assert rejected.content[column] == value


@pytest.mark.parametrize(
    ("body", "error", "reason"),
    [
        (b"<html>", NotJson, "HTML"),
        (b'{"cik": "1"}', WrongCompany, "asked for CIK 9000001, the response is for CIK '1'"),
        (b'{"cik": true}', WrongCompany, "CIK True"),
        (b'{"cik": "0009000001"}', BadIndex, "no filings.recent"),
        (
            b'{"cik": 9000001, "filings": {"recent": {"form": []}}}',
            BadIndex,
            "lacks the columns accessionNumber, filingDate",
        ),
        (
            b'{"cik": 9000001, "filings": {"recent": {"form":[4], "accessionNumber": [], "filingDate": []}}}',
            BadIndex,
            r"different lengths: \[0, 1\]",
        ),
    ],
)
def test_an_index_that_cannot_be_read_is_refused(body: bytes, error: type[EdgarError], reason: str) -> None:
    with pytest.raises(error, match=reason):
        read_index(body, CIK, "u")


def test_an_older_page_has_its_columns_at_the_top() -> None:
    page = read_older_page(json.dumps(columns([GOOD])).encode(), CIK, "u")
    assert [filing.accession for filing in page.filings] == [GOOD.accession]


@pytest.mark.parametrize(
    ("times", "clock"),
    [
        # 16:42 and 09:00 in New York under the mark of UTC: in UTC the second would be 5:00, when EDGAR is
        # closed.
        (["2026-02-25T16:42:19.000Z", "2026-02-26T09:00:17.000Z"], "eastern"),
        # 20:58 in New York, the evening before: read as New York time it would be the middle of the night.
        (["2026-02-25T21:42:19.000Z", "2026-02-26T01:58:19.000Z"], "utc"),
        # Either is possible: the mark is believed.
        (["2026-02-25T16:42:19.000Z"], "utc"),
        ([None, "", "soon", 7], "utc"),
        ([], "utc"),
    ],
)
def test_the_clock_of_acceptance_times_is_found_from_when_edgar_is_open(times: list[Any], clock: str) -> None:
    assert acceptance_clock(times) == clock


def test_new_york_times_become_utc() -> None:
    early = MadeUpFiling("0009000001-26-000004", "4", "2026-02-26", "2026-02-26T09:00:17.000Z")
    winter = MadeUpFiling("0009000001-26-000005", "10-K", "2026-02-25", "2026-02-25T16:42:19.000Z")
    summer = MadeUpFiling("0009000001-26-000006", "10-Q", "2026-05-28", "2026-05-28T16:32:57.000Z")
    index = read_index(index_body(CIK, [early, winter, summer]), CIK, "u")
    assert index.acceptance_clock == "eastern"
    assert [filing.acceptance_datetime for filing in index.filings][1:] == [
        datetime(2026, 2, 25, 21, 42, 19, tzinfo=UTC),
        datetime(2026, 5, 28, 20, 32, 57, tzinfo=UTC),
    ]


@pytest.mark.parametrize(
    ("form", "xbrl", "numeric", "expected"),
    [
        ("10-Q", True, None, True),
        ("10-K", True, True, True),
        ("20-F", True, None, True),
        ("40-F", True, None, True),
        ("10-K/A", True, None, True),
        ("10-Q", False, None, False),
        ("10-K/A", True, False, False),
        ("8-K", True, None, False),
        ("6-K", True, None, False),
        ("4", True, None, False),
    ],
)
def test_only_statements_in_xbrl_must_appear_in_the_facts(
    form: str, xbrl: bool, numeric: bool | None, expected: bool
) -> None:
    filing = MadeUpFiling("0009000001-26-000009", form, "2026-05-05", "", xbrl=xbrl, numeric=numeric)
    filings = read_index(index_body(CIK, [filing]), CIK, "u").filings
    assert bool(missing_filings(filings, set())) == expected
    assert missing_filings(filings, {filing.accession}) == []


@pytest.mark.parametrize(
    ("today", "awaited", "overdue"),
    [
        ("2026-05-05", 1, 0),
        ("2026-05-15", 1, 0),
        ("2026-05-16", 0, 1),
        ("2026-08-13", 0, 1),
        ("2026-08-14", 0, 0),
    ],
)
def test_a_missing_filing_is_awaited_for_ten_days_then_overdue(today: str, awaited: int, overdue: int) -> None:
    filings = read_index(index_body(CIK, [GOOD]), CIK, "u").filings
    late = outstanding(filings, date.fromisoformat(today))
    assert (len(late.awaited), len(late.overdue)) == (awaited, overdue)


def test_new_filings_are_those_not_known() -> None:
    filings = read_index(index_body(CIK, [GOOD]), CIK, "u").filings
    assert new_filings(filings, {GOOD.accession}) == []
    assert new_filings(filings, set()) == list(filings)


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.just("0009000001-26-000002")
    | st.just("2026-05-05"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(column=st.sampled_from(sorted(columns([GOOD]))), value=ANYTHING)
def test_no_value_in_a_row_crashes_the_reader_or_spoils_the_other_row(column: str, value: object) -> None:
    index = read_index(changed(column, value), CIK, "u")
    assert GOOD.accession in {filing.accession for filing in index.filings}
    assert len(index.filings) + len(index.rejected) == 2


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    path=st.sampled_from(
        [("cik",), ("filings",), ("filings", "recent"), ("filings", "files"), ("tickers",), ("name",)]
    ),
    value=ANYTHING,
)
def test_no_part_of_an_index_crashes_the_reader(path: tuple[str, ...], value: object) -> None:
    content = json.loads(index_body(CIK, [GOOD]))
    target = content
    for name in path[:-1]:
        target = target[name]
    target[path[-1]] = value
    try:
        outcome = f"u: read, CIK {read_index(json.dumps(content).encode(), CIK, 'u').cik}"
    except EdgarError as refused:
        outcome = str(refused)
    assert outcome.startswith("u: ")


@settings(max_examples=150, deadline=None, derandomize=True)
@given(depth=st.integers(0, 5), value=ANYTHING)
def test_no_part_of_companyfacts_crashes_the_look_into_it(depth: int, value: object) -> None:
    content = json.loads(facts_body(CIK, [GOOD.accession]))
    target: Any = content
    for name in ["facts", "us-gaap", "Revenues", "units", "USD"][:depth]:
        target = target[name]
    if isinstance(target, list):
        target.append(value)
    else:
        target[next(iter(target))] = value
    try:
        summary = summarise_facts(json.dumps(content).encode(), CIK, "u")
        outcome = "u: read" if summary.fact_count > 0 else "kept without facts"
    except EdgarError as refused:
        outcome = str(refused)
    assert outcome.startswith("u: ")
