"""Loading responses into `raw.company_facts` with DuckDB's JSON reader; rows that break the contract go to quarantine.

What belongs here: the statements that turn responses and transcribed figures into typed rows, and the rules of the quarantine.
What does not: standardising facts (`assets.statement_facts`).
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Sequence
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
FACTS_MAP = f"MAP(VARCHAR, MAP(VARCHAR, STRUCT(label VARCHAR, description VARCHAR, units MAP(VARCHAR, {FACT_STRUCT}))))"
SOURCE_COLUMNS = (
    "cik, entity_name, taxonomy, tag, unit, period_start_date, period_end_date, value, accession, filing_fiscal_year,"
    " filing_fiscal_period, form, filed_date, frame, basis, confidence, source_url, note, response_sha256"
)
FIRST_EDGAR_DAY = "DATE '1993-01-01'"
LONGEST_USUAL_SPAN_DAYS = 400


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
        SELECT cik, entityName AS entity_name, filename, facts
        FROM read_json([{files}], format = 'unstructured', filename = true, maximum_object_size = {largest_object},
            columns = {{cik: 'VARCHAR', entityName: 'VARCHAR', facts: '{FACTS_MAP}'}})
    ), by_taxonomy AS (
        SELECT cik, entity_name, filename, unnest(map_entries(facts)) AS taxonomy FROM response
    ), by_tag AS (
        SELECT cik, entity_name, filename, taxonomy.key AS taxonomy, unnest(map_entries(taxonomy.value)) AS tag
        FROM by_taxonomy
    ), by_unit AS (
        SELECT cik, entity_name, filename, taxonomy, tag.key AS tag, unnest(map_entries(tag.value.units)) AS unit FROM by_tag
    ), by_fact AS (
        SELECT cik, entity_name, filename, taxonomy, tag, unit.key AS unit, unnest(unit.value) AS fact FROM by_unit
    )
    SELECT cik, entity_name, taxonomy, tag, unit, fact."start" AS period_start_date, fact."end" AS period_end_date,
        fact.val AS value, fact.accn AS accession, fact.fy AS filing_fiscal_year, fact.fp AS filing_fiscal_period,
        fact.form AS form, fact.filed AS filed_date, fact.frame AS frame, 'as_first_reported' AS basis,
        'filing' AS confidence, NULL::VARCHAR AS source_url, NULL::VARCHAR AS note,
        regexp_extract(filename, '([0-9a-f]{{64}})', 1) AS response_sha256
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


def typed_statement(text_rows: str, known_on: dt.date) -> str:
    """The SELECT that types text rows and names what is wrong (`reason`) and what is odd (`unusual`) with each."""
    return f"""
    WITH text_row AS ({text_rows}), typed AS (
        SELECT TRY_CAST(cik AS BIGINT) AS cik, entity_name, taxonomy, tag, unit,
            TRY_CAST(period_start_date AS DATE) AS period_start_date, TRY_CAST(period_end_date AS DATE) AS period_end_date,
            TRY_CAST(value AS DOUBLE) AS value, accession, TRY_CAST(filing_fiscal_year AS BIGINT) AS filing_fiscal_year,
            filing_fiscal_period, form, TRY_CAST(filed_date AS DATE) AS filed_date, frame, basis, confidence, source_url, note,
            response_sha256, value AS value_text, period_start_date AS start_text, period_end_date AS end_text, filed_date AS filed_text
        FROM text_row
    )
    SELECT *,
        CASE
            WHEN period_end_date IS NULL THEN 'period end is missing or no date'
            WHEN period_start_date IS NULL AND start_text IS NOT NULL THEN 'period start is no date'
            WHEN period_end_date < period_start_date THEN 'period ends before it starts'
            WHEN value IS NULL OR NOT isfinite(value) THEN 'value is not a finite number'
            WHEN accession IS NULL AND source_url IS NULL THEN 'accession is missing'
            WHEN accession IS NOT NULL AND NOT regexp_full_match(accession, '\\d{{10}}-\\d{{2}}-\\d{{6}}')
                THEN 'accession is malformed'
            WHEN filed_date IS NULL OR filed_date < {FIRST_EDGAR_DAY} THEN 'filing date is missing or impossible'
            WHEN filed_date > DATE '{known_on.isoformat()}' THEN 'filing date lies in the future'
            WHEN period_end_date < DATE '1900-01-01' OR period_end_date > DATE '2199-12-31' THEN 'period end is impossible'
            WHEN form IS NULL THEN 'form is missing'
            WHEN basis NOT IN ('as_first_reported', 'recast') OR confidence NOT IN ('filing', 'third_party_table')
                THEN 'basis or confidence is not in its list'
        END AS reason,
        CASE
            WHEN period_end_date - period_start_date + 1 > {LONGEST_USUAL_SPAN_DAYS} THEN 'span over 400 days'
            WHEN period_end_date > filed_date THEN 'period ends after the filing'
        END AS unusual
    FROM typed"""


class FactLoader:
    """Loads landed responses into temporary tables `loaded_facts` and `loaded_quarantine` of an engine."""

    def __init__(self, engine: Engine, known_on: dt.date) -> None:
        self.sql = engine.sql
        self.known_on = known_on
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
        """Read all responses in one statement; where that fails, one by one, so that the bad one is refused by name."""
        if not responses:
            return
        try:
            self._load_batch(responses)
        except (duckdb.Error, ResponseRefused) as error:
            if len(responses) == 1:
                self._refuse(responses[0], str(error).splitlines()[0])
            else:
                for response in responses:
                    self.load_responses([response])

    def load_custom_facts(self, path: Path) -> None:
        """Read transcribed figures of companies' own tags."""
        self._insert(f"({custom_facts_statement(path)})")

    def _load_batch(self, responses: Sequence[LandedResponse]) -> None:
        # DuckDB reserves twice the largest allowed object per thread, so the limit follows the largest response at hand.
        largest = max(response.size for response in responses) + 1024
        self.sql.execute(
            f"CREATE OR REPLACE TEMP TABLE parsed AS {parse_statement([r.path for r in responses], largest)}"
        )
        self._check_batch(responses)
        self._insert("(FROM parsed)")
        self._refuse_without_good_facts(responses)
        self.sql.execute("DROP TABLE parsed")
        self.report.parsed_responses.extend(response.sha256 for response in responses)

    def _check_batch(self, responses: Sequence[LandedResponse]) -> None:
        rows = self.sql.execute("SELECT DISTINCT response_sha256, TRY_CAST(cik AS BIGINT) FROM parsed").fetchall()
        ciks: dict[str, set[int | None]] = {}
        for sha256, cik in rows:
            ciks.setdefault(sha256, set()).add(cik)
        for response in responses:
            held = ciks.get(response.sha256)
            if held is None:
                raise ResponseRefused(f"{response.origin}: holds no facts; fetch the response again")
            if held != {response.cik}:
                others = ", ".join(str(cik) for cik in held)
                raise ResponseRefused(
                    f"{response.origin}: is of CIK {others} and not of {response.cik}; put the right response there"
                )

    def _refuse_without_good_facts(self, responses: Sequence[LandedResponse]) -> None:
        """A response whose every row is in quarantine replaces nothing: the company's last good data stays."""
        good = {
            sha256 for (sha256,) in self.sql.execute("SELECT DISTINCT response_sha256 FROM loaded_facts").fetchall()
        }
        for response in responses:
            if response.sha256 not in good:
                self._refuse(response, "every fact breaks the raw contract, see meta.quarantine")

    def _insert(self, text_rows: str) -> None:
        self.sql.execute(f"CREATE OR REPLACE TEMP TABLE typed AS {typed_statement(f'FROM {text_rows}', self.known_on)}")
        self._mark_contradictions()
        facts = self.sql.execute(
            f"INSERT INTO loaded_facts BY NAME SELECT {SOURCE_COLUMNS}, unusual FROM typed WHERE reason IS NULL"
        ).fetchall()
        bad = self.sql.execute(
            f"""INSERT INTO loaded_quarantine BY NAME
            SELECT 'raw.company_facts' AS table_name, cik, reason, response_sha256,
                to_json(struct_pack({", ".join(f"{name} := {name}" for name in _quarantine_fields())}))::VARCHAR AS row_content
            FROM typed WHERE reason IS NOT NULL"""
        ).fetchall()
        self.report.facts += facts[0][0]
        self.report.quarantined += bad[0][0]
        self.sql.execute("DROP TABLE typed")

    def _mark_contradictions(self) -> None:
        key = "cik, taxonomy, tag, unit, period_start_date, period_end_date, accession, basis"
        repeated = self.sql.execute(
            f"SELECT count(*) FROM (SELECT 1 FROM typed WHERE reason IS NULL GROUP BY {key}, filed_date HAVING count(*) > 1)"
        ).fetchall()
        if repeated[0][0]:
            self.sql.execute(
                f"""CREATE OR REPLACE TEMP TABLE typed AS SELECT * REPLACE (
                    CASE WHEN reason IS NOT NULL THEN reason
                         WHEN min(value) OVER same <> max(value) OVER same THEN 'two values for one fact in one filing'
                         WHEN row_number() OVER same > 1 THEN 'repeats another row' END AS reason)
                FROM typed WINDOW same AS (PARTITION BY {key}, filed_date, reason IS NULL ORDER BY value
                    ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)"""
            )

    def _refuse(self, response: LandedResponse, reason: str) -> None:
        named = reason if response.origin in reason else f"{response.origin}: not readable as companyfacts ({reason})"
        self.report.refused[f"CIK{response.cik:010d}"] = named


def _quarantine_fields() -> list[str]:
    shown = [name.strip() for name in SOURCE_COLUMNS.split(",") if name.strip() != "response_sha256"]
    texts = {
        "value": "value_text",
        "period_start_date": "start_text",
        "period_end_date": "end_text",
        "filed_date": "filed_text",
    }
    return [texts.get(name, name) for name in shown]
