"""Loading responses into `raw.company_facts` with DuckDB's JSON reader; rows that break the contract go to quarantine.

What belongs here: the statements that turn responses and transcribed figures into typed rows, and the rules of the quarantine.
What does not: standardising facts (`assets.statement_facts`).
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from warehouse.engine import Engine, quoted
from warehouse.errors import ResponseRefused
from warehouse.responses import LandedResponse

FACT_STRUCT = (
    'STRUCT("start" VARCHAR, "end" VARCHAR, val VARCHAR, accn VARCHAR, fy VARCHAR, fp VARCHAR, form VARCHAR,'
    " filed VARCHAR, frame VARCHAR)[]"
)
# Labels and descriptions are left out: no table has them, and reading them takes a tenth of the time.
FACTS_MAP = f"MAP(VARCHAR, MAP(VARCHAR, STRUCT(units MAP(VARCHAR, {FACT_STRUCT}))))"
# Responses are read together up to this many bytes of JSON, so that memory does not grow with the number of companies.
BATCH_BYTES = 64 * 1024 * 1024
SOURCE_COLUMNS = (
    "cik, entity_name, taxonomy, tag, unit, period_start_date, period_end_date, value, accession, filing_fiscal_year,"
    " filing_fiscal_period, form, filed_date, frame, basis, confidence, source_url, note, response_sha256"
)
# Typed column → the column that keeps what the source wrote in it.
TEXT_COLUMNS = {
    "value": "value_text",
    "period_start_date": "start_text",
    "period_end_date": "end_text",
    "filed_date": "filed_text",
    "filing_fiscal_year": "fiscal_year_text",
}
FACT_KEY = "cik, taxonomy, tag, unit, period_start_date, period_end_date, accession, basis, filed_date"
FIRST_EDGAR_DAY = "DATE '1993-01-01'"
LONGEST_USUAL_SPAN_DAYS = 400
FUTURE = "filing date lies in the future"


@dataclass
class LoadReport:
    """What a load did: rows by outcome and the responses it refused, each with its reason."""

    facts: int = 0
    quarantined: int = 0
    parsed_responses: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)


def parse_statement(paths: Sequence[Path], largest_object: int) -> str:
    """The SELECT that unnests companyfacts responses to one row per fact, every field as text.

    Text first: a value that is no number must reach the quarantine as it stands instead of failing the whole read.
    """
    files = ", ".join(quoted(str(path)) for path in paths)
    return f"""
    WITH response AS (
        SELECT cik, entityName AS entity_name, regexp_extract(filename, '([0-9a-f]{{64}})', 1) AS response_sha256, facts
        FROM read_json([{files}], format = 'unstructured', filename = true, maximum_object_size = {largest_object},
            columns = {{cik: 'VARCHAR', entityName: 'VARCHAR', facts: '{FACTS_MAP}'}})
    ), by_taxonomy AS (
        SELECT cik, entity_name, response_sha256, unnest(map_entries(facts)) AS taxonomy FROM response
    ), by_tag AS (
        SELECT cik, entity_name, response_sha256, taxonomy.key AS taxonomy, unnest(map_entries(taxonomy.value)) AS tag
        FROM by_taxonomy
    ), by_unit AS (
        SELECT cik, entity_name, response_sha256, taxonomy, tag.key AS tag,
            unnest(map_entries(tag.value.units)) AS unit
        FROM by_tag
    ), by_fact AS (
        SELECT cik, entity_name, response_sha256, taxonomy, tag, unit.key AS unit, unnest(unit.value) AS fact
        FROM by_unit
    )
    SELECT cik, entity_name, taxonomy, tag, unit, fact."start" AS period_start_date, fact."end" AS period_end_date,
        fact.val AS value, fact.accn AS accession, fact.fy AS filing_fiscal_year, fact.fp AS filing_fiscal_period,
        fact.form AS form, fact.filed AS filed_date, fact.frame AS frame, 'as_first_reported' AS basis,
        'filing' AS confidence, NULL::VARCHAR AS source_url, NULL::VARCHAR AS note, response_sha256
    FROM by_fact"""


def custom_facts_statement(path: Path) -> str:
    """The SELECT that reads transcribed figures of companies' own tags in the same shape, every field as text."""
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return f"""
    SELECT u.cik::VARCHAR AS cik, u.name AS entity_name, c.taxonomy, c.tag, c.unit, c.period_start_date, c.period_end_date,
        c.value, c.accession, NULL::VARCHAR AS filing_fiscal_year, NULL::VARCHAR AS filing_fiscal_period, c.form,
        c.filed_date, NULL::VARCHAR AS frame, c.basis, c.confidence, c.source_url, c.note, '{sha256}' AS response_sha256
    FROM read_csv({quoted(str(path))}, header = true, all_varchar = true) AS c
    JOIN raw.universe AS u USING (ticker)"""


def typed_statement(
    text_rows: str, known_on: dt.date, *, accepted: Collection[str] = (), with_texts: bool = False
) -> str:
    """The SELECT that types text rows and names what is wrong (`reason`) and what is odd (`unusual`) with each.

    `accepted` are filings that SEC has although their filing day is still to come: what it accepts in the evening carries the next
    business day. `with_texts` adds what the source wrote in the columns that are typed: only the quarantine needs it.
    """
    known = ", ".join(map(quoted, sorted(accepted)))
    texts = f", {', '.join(TEXT_COLUMNS.values())}" if with_texts else ""
    return f"""
    WITH text_row AS ({text_rows}), typed_row AS (
        SELECT TRY_CAST(cik AS BIGINT) AS cik, entity_name, taxonomy, tag, unit,
            TRY_CAST(period_start_date AS DATE) AS period_start_date, TRY_CAST(period_end_date AS DATE) AS period_end_date,
            TRY_CAST(value AS DOUBLE) AS value, accession, TRY_CAST(filing_fiscal_year AS BIGINT) AS filing_fiscal_year,
            filing_fiscal_period, form, TRY_CAST(filed_date AS DATE) AS filed_date, frame, basis, confidence, source_url, note,
            response_sha256, value AS value_text, period_start_date AS start_text, period_end_date AS end_text, filed_date AS filed_text,
            filing_fiscal_year AS fiscal_year_text
        FROM text_row
    )
    SELECT * EXCLUDE (response_sha256, {", ".join(TEXT_COLUMNS.values())}),
        CASE
            WHEN period_end_date - period_start_date + 1 > {LONGEST_USUAL_SPAN_DAYS} THEN 'span over 400 days'
            WHEN period_end_date > filed_date THEN 'period ends after the filing'
            WHEN filing_fiscal_year IS NULL AND fiscal_year_text IS NOT NULL THEN 'fiscal year of the filing is no number'
        END AS unusual,
        response_sha256{texts},
        CASE
            WHEN period_end_date IS NULL THEN 'period end is missing or no date'
            WHEN period_start_date IS NULL AND start_text IS NOT NULL THEN 'period start is no date'
            WHEN period_end_date < period_start_date THEN 'period ends before it starts'
            WHEN value IS NULL OR NOT isfinite(value) THEN 'value is not a finite number'
            WHEN accession IS NULL AND source_url IS NULL THEN 'accession is missing'
            WHEN accession IS NOT NULL AND NOT regexp_full_match(accession, '\\d{{10}}-\\d{{2}}-\\d{{6}}')
                THEN 'accession is malformed'
            WHEN filed_date IS NULL OR filed_date < {FIRST_EDGAR_DAY} THEN 'filing date is missing or impossible'
            WHEN filed_date > DATE '{known_on.isoformat()}' AND NOT list_contains([{known}]::VARCHAR[], coalesce(accession, ''))
                THEN '{FUTURE}'
            WHEN period_end_date < DATE '1900-01-01' OR period_end_date > DATE '2199-12-31' THEN 'period end is impossible'
            WHEN form IS NULL THEN 'form is missing'
            WHEN basis NOT IN ('as_first_reported', 'recast') OR confidence NOT IN ('filing', 'third_party_table')
                THEN 'basis or confidence is not in its list'
        END AS reason
    FROM typed_row"""


def batches(responses: Sequence[LandedResponse], limit: int = BATCH_BYTES) -> Iterator[list[LandedResponse]]:
    """The responses in order, in groups of at most `limit` bytes of JSON; a larger one is a group of its own."""
    batch: list[LandedResponse] = []
    size = 0
    for response in responses:
        if batch and size + response.size > limit:
            yield batch
            batch, size = [], 0
        batch.append(response)
        size += response.size
    if batch:
        yield batch


@dataclass(frozen=True)
class _Counts:
    """Rows of one response under one CIK, and how many of them break no rule."""

    response_sha256: str
    cik: int | None
    rows: int
    good: int


def _require_own_facts(response: LandedResponse, counts: Sequence[_Counts]) -> None:
    if not counts:
        raise ResponseRefused(f"{response.origin}: holds no facts; fetch the response again")
    held = {count.cik for count in counts}
    if held != {response.cik}:
        others = ", ".join(str(cik) for cik in held)
        raise ResponseRefused(
            f"{response.origin}: is of CIK {others} and not of {response.cik}; put the right response there"
        )


class FactLoader:
    """Loads landed responses into temporary tables `loaded_facts` and `loaded_quarantine` of an engine."""

    def __init__(self, engine: Engine, known_on: dt.date, accepted: Collection[str] = ()) -> None:
        self.sql = engine.sql
        self.known_on = known_on
        self.accepted = accepted
        self.report = LoadReport()
        self._create_tables()

    def _create_tables(self) -> None:
        self.sql.execute("DROP TABLE IF EXISTS loaded_facts")
        self.sql.execute("DROP TABLE IF EXISTS loaded_quarantine")
        self.sql.execute(
            """CREATE TEMP TABLE loaded_facts (cik BIGINT, entity_name VARCHAR, taxonomy VARCHAR, tag VARCHAR, unit VARCHAR,
            period_start_date DATE, period_end_date DATE, value DOUBLE, accession VARCHAR, filing_fiscal_year BIGINT,
            filing_fiscal_period VARCHAR, form VARCHAR, filed_date DATE, frame VARCHAR, basis VARCHAR, confidence VARCHAR,
            source_url VARCHAR, note VARCHAR, unusual VARCHAR, response_sha256 VARCHAR)"""
        )
        self.sql.execute(
            """CREATE TEMP TABLE loaded_quarantine (table_name VARCHAR, cik BIGINT, reason VARCHAR, row_content VARCHAR,
            response_sha256 VARCHAR)"""
        )

    def load_responses(self, responses: Sequence[LandedResponse]) -> None:
        """Read responses in batches of bounded size, each in one statement; of a batch that fails each response is read by itself.

        So a bad response is refused by name, and the others go on.
        """
        for batch in batches(responses):
            try:
                self._load_batch(batch)
            # DuckDB quotes bytes that are no UTF-8 in its message, which then can not be read itself.
            except (duckdb.Error, ResponseRefused, UnicodeDecodeError) as error:
                if len(batch) == 1:
                    self._refuse(batch[0], str(error).splitlines()[0])
                    continue
                for response in batch:
                    self.load_responses([response])

    def load_custom_facts(self, path: Path) -> None:
        """Read transcribed figures of companies' own tags."""
        self._type(custom_facts_statement(path))

    def _load_batch(self, responses: Sequence[LandedResponse]) -> None:
        # DuckDB reserves twice the largest allowed object per thread, so the limit follows the largest response at hand.
        largest = max(response.size for response in responses) + 1024
        seen = self._type(parse_statement([response.path for response in responses], largest), responses)
        good = {counts.response_sha256 for counts in seen if counts.good}
        for response in responses:
            # The company's last good data stays.
            if response.sha256 not in good:
                self._refuse(response, "every fact breaks the raw contract, see meta.quarantine")
        self.report.parsed_responses.extend(response.sha256 for response in responses)

    def _type(self, text_rows: str, responses: Sequence[LandedResponse] = ()) -> list[_Counts]:
        """Type text rows and take them over; tells what there was. Raises ResponseRefused for a response of another company.

        Nearly always nothing is wrong: then the rows are read once, without the texts that only the quarantine needs.
        """
        self.sql.execute(f"CREATE OR REPLACE TEMP TABLE typed AS {self._typed(text_rows)}")
        seen = self._count()
        for response in responses:
            _require_own_facts(response, [counts for counts in seen if counts.response_sha256 == response.sha256])
        if all(counts.good == counts.rows for counts in seen) and not self._has_repeated_rows():
            self._take_over(all_good=True)
            return seen
        self.sql.execute(f"CREATE OR REPLACE TEMP TABLE typed AS {self._typed(text_rows, with_texts=True)}")
        self._mark_contradictions()
        self._set_aside()
        seen = self._count()
        self._take_over()
        return seen

    def _typed(self, text_rows: str, *, with_texts: bool = False) -> str:
        return typed_statement(text_rows, self.known_on, accepted=self.accepted, with_texts=with_texts)

    def from_the_future(self) -> dict[str, int]:
        """SHA-256 of each response with rows that were set aside because of their filing day → how many: it may be a good one later."""
        rows = self.sql.execute(
            "SELECT response_sha256, count(*) FROM loaded_quarantine WHERE reason = ? GROUP BY ALL", [FUTURE]
        ).fetchall()
        return dict(rows)

    def set_aside_responses(self) -> set[str]:
        """SHA-256 of each response, or file of transcribed figures, with rows in quarantine."""
        rows = self.sql.execute("SELECT DISTINCT response_sha256 FROM loaded_quarantine").fetchall()
        return {sha256 for (sha256,) in rows}

    def _count(self) -> list[_Counts]:
        rows = self.sql.execute(
            "SELECT response_sha256, cik, count(*), count(*) FILTER (reason IS NULL) FROM typed GROUP BY ALL"
        ).fetchall()
        return [_Counts(*row) for row in rows]

    def _has_repeated_rows(self) -> bool:
        """Whether two rows have the same key; by its hash, so that in rare cases the answer is yes where none has."""
        counted = f"SELECT count(DISTINCT hash({FACT_KEY})) < count(*) FROM typed"
        return bool(self.sql.execute(counted).fetchall()[0][0])

    def _take_over(self, *, all_good: bool = False) -> None:
        if all_good and self.report.facts == 0:
            # The first rows become the table: copying them would take an eighth of the load.
            (rows,) = self.sql.execute("SELECT count(*) FROM typed").fetchall()[0]
            self.sql.execute("DROP TABLE loaded_facts")
            self.sql.execute("ALTER TABLE typed DROP COLUMN reason")
            self.sql.execute("ALTER TABLE typed RENAME TO loaded_facts")
        else:
            ((rows,),) = self.sql.execute(
                f"INSERT INTO loaded_facts BY NAME SELECT {SOURCE_COLUMNS}, unusual FROM typed WHERE reason IS NULL"
            ).fetchall()
            self.sql.execute("DROP TABLE typed")
        self.report.facts += rows

    def _set_aside(self) -> None:
        fields = ", ".join(f"{name} := {name}" for name in _quarantine_fields())
        bad = self.sql.execute(
            f"""INSERT INTO loaded_quarantine BY NAME
            SELECT 'raw.company_facts' AS table_name, cik, reason, response_sha256,
                to_json(struct_pack({fields}))::VARCHAR AS row_content
            FROM typed WHERE reason IS NOT NULL"""
        ).fetchall()
        self.report.quarantined += bad[0][0]

    def _mark_contradictions(self) -> None:
        """Give a reason to good rows that repeat or contradict another one of the same filing."""
        self.sql.execute(
            f"""CREATE OR REPLACE TEMP TABLE typed AS SELECT * REPLACE (
                CASE WHEN reason IS NOT NULL THEN reason
                     WHEN min(value) OVER same <> max(value) OVER same THEN 'two values for one fact in one filing'
                     WHEN row_number() OVER same > 1 THEN 'repeats another row' END AS reason)
            FROM typed WINDOW same AS (PARTITION BY {FACT_KEY}, reason IS NULL ORDER BY value
                ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)"""
        )

    def _refuse(self, response: LandedResponse, reason: str) -> None:
        named = reason if response.origin in reason else f"{response.origin}: not readable as companyfacts ({reason})"
        self.report.refused[f"CIK{response.cik:010d}"] = named


def _quarantine_fields() -> list[str]:
    shown = [name.strip() for name in SOURCE_COLUMNS.split(",") if name.strip() != "response_sha256"]
    return [TEXT_COLUMNS.get(name, name) for name in shown]
