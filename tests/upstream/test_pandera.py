"""What we rely on in pandera's Ibis backend and what we work around."""

from collections.abc import Iterator

import ibis
import ibis.expr.datatypes as dt
import pandera.errors
import pandera.ibis as pa
import pyarrow
import pytest
from ibis.backends.duckdb import Backend
from pandera.config import ValidationDepth, config_context


@pytest.fixture
def backend() -> Iterator[Backend]:
    connected = ibis.duckdb.connect()
    yield connected
    connected.disconnect()


def numbers(backend: Backend, *values: int | None) -> ibis.Table:
    backend.con.register("numbers", pyarrow.table({"n": pyarrow.array(values, pyarrow.int64())}))
    return backend.table("numbers")


class UniqueColumn(pa.DataFrameModel):
    n: int = pa.Field(unique=True)


class UniqueTable(pa.DataFrameModel):
    n: int

    class Config:
        unique = "n"


class AtLeastOne(pa.DataFrameModel):
    n: int = pa.Field(ge=1)


def test_unique_on_a_column_is_ignored(backend: Backend) -> None:
    UniqueColumn.validate(numbers(backend, 1, 1), lazy=True)


def test_unique_on_the_table_is_not(backend: Backend) -> None:
    with pytest.raises(pandera.errors.SchemaErrors):
        UniqueTable.validate(numbers(backend, 1, 1), lazy=True)


def test_an_empty_table_fails_columns_that_may_not_be_null(backend: Backend) -> None:
    with pytest.raises(pandera.errors.SchemaErrors):
        AtLeastOne.validate(numbers(backend), lazy=True)


def test_the_depth_of_the_schema_alone_accepts_it_and_still_checks_types(backend: Backend) -> None:
    backend.con.register("texts", pyarrow.table({"n": pyarrow.array([], pyarrow.string())}))
    with config_context(validation_depth=ValidationDepth.SCHEMA_ONLY):
        AtLeastOne.validate(numbers(backend), lazy=True)
        with pytest.raises(pandera.errors.SchemaErrors):
            AtLeastOne.validate(backend.table("texts"), lazy=True)


def test_refused_values_come_in_a_data_frame_and_nulls_in_a_table(backend: Backend) -> None:
    with pytest.raises(pandera.errors.SchemaErrors) as broken:
        AtLeastOne.validate(numbers(backend, 1, -2, None), lazy=True)
    cases = {getattr(error.check, "name", error.check): error.failure_cases for error in broken.value.schema_errors}

    assert set(cases) == {"not_nullable", "greater_than_or_equal_to"}
    assert list(cases["greater_than_or_equal_to"]["failure_case"]) == [{"n": -2}]
    assert isinstance(cases["not_nullable"], ibis.Table)


def test_a_list_of_structs_is_not_understood_unless_it_is_registered() -> None:
    unregistered = dt.Array(dt.Struct({"nobody": dt.string, "registers": dt.int64}))
    with pytest.raises(TypeError, match="not understood"):
        pa.Column(unregistered)
