"""The view of lineage: from what each number is made.

What belongs here: the contract of `meta.lineage`. What does not: its SQL (`pipelines.lineage_view`) and its rules (`lineage.yaml`).
"""

from __future__ import annotations

import ibis.expr.datatypes as dt

from schemas.base import Table, column


class Lineage(Table):
    """From what each number of core and mart is made: one row per number and input, by the rules of lineage.yaml. A view.

    Filter by table_name, column_name and entity or number_key; input_table, input_column and input_key are the table_name,
    column_name and number_key of the next step, until accession or filing_url names the filing.
    """

    table_name: str = column("Table of the number")
    entity: str = column(
        "Ticker, tier or other entity of the number's row; null where the table has none", nullable=True
    )
    quarter: str = column(
        "Quarter of the number's row as the table labels it: calendar quarter in core, 2026FQ4 where only the fiscal one is there",
        nullable=True,
    )
    number_key: str = column("Key of the number's row: its key columns in the order of meta.columns, joined by |")
    column_name: str = column("Column of the number")
    value: float = column("The number", unit="as in the table", nullable=True)
    formula: str = column("How it is made of its inputs: arithmetic on input_role, or words")
    is_computable: bool = column("The formula is arithmetic that gives the number from the listed inputs")
    note: str = column("Method of the number, or why it is null", nullable=True)
    input_role: str = column("Name of the input in the formula")
    is_context: bool = column(
        "The input measures the number without being part of it, such as a value of the normalisation window"
    )
    input_table: str = column("Table of the input; core.statement_facts for facts as filed")
    input_column: str = column("Column of the input; null where the whole row is the input", nullable=True)
    input_entity: str = column("Entity of the input's row", nullable=True)
    input_quarter: str = column("Quarter of the input's row", nullable=True)
    input_key: str = column("Key of the input's row; null where the table as a whole is the input", nullable=True)
    input_factor: float = column("Factor with which the input enters: a sign or a weight")
    input_value: float = column("Value of the input", unit="as in its table", nullable=True)
    accession: str = column("Accession number of the filing of a fact", nullable=True)
    tag: str = column("Taxonomy and tag of a fact", nullable=True)
    period_start_date: dt.Date = column("First day of the fact's period; null for a balance", nullable=True)
    period_end_date: dt.Date = column("Last day of the fact's period", nullable=True)
    filed_date: dt.Date = column("Day the fact was filed, or the source of a sourced figure published", nullable=True)
    filing_url: str = column("Link to the filing, or to the source of a sourced figure", nullable=True)

    class Config:
        metadata = {"usage_warning": "Without a filter it lists millions of pairs."}
