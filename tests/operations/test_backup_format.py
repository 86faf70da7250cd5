from datetime import UTC, datetime
from io import BytesIO
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import JSON, Column, LargeBinary, MetaData, String, Table, Uuid

from webapp.operations.backup_format import backed_up_tables, key_mark, read_rows, write_rows
from webapp.schema.columns import UtcDateTime

TABLE = Table(
    "things",
    MetaData(),
    Column("id", Uuid, primary_key=True),
    Column("text", String),
    Column("at", UtcDateTime),
    Column("data", LargeBinary),
    Column("json", JSON),
)
ROWS = st.tuples(
    st.uuids(),
    st.none() | st.text(),
    st.none() | st.datetimes(timezones=st.just(UTC)),
    st.none() | st.binary(),
    st.none() | st.sampled_from(['{"a": [1, null]}', "2.5", '"text"']),
)


@given(st.lists(ROWS))
def test_rows_come_back_as_they_were(rows: list[tuple[object, ...]]) -> None:
    file = BytesIO()
    assert write_rows(file, TABLE, rows) == len(rows)
    file.seek(0)
    for row, read in zip(rows, read_rows(file, TABLE), strict=True):
        assert tuple(read.values())[:4] == row[:4]
        assert (read["json"] is None) == (row[4] is None)


def test_a_json_null_is_not_an_absent_value() -> None:
    file = BytesIO()
    write_rows(file, TABLE, [(UUID(int=1), "", datetime.now(UTC), b"", "null"), (UUID(int=2), "", None, None, None)])
    file.seek(0)
    assert [row["json"] for row in read_rows(file, TABLE)] == [JSON.NULL, None]


def test_columns_of_other_versions_are_left_out() -> None:
    file = BytesIO(b'["id","gone","text"]\n["00000000000000000000000000000001",1,"kept"]\n')
    assert list(read_rows(file, TABLE)) == [{"id": UUID(int=1), "text": "kept"}]


def test_a_table_comes_after_those_that_it_refers_to() -> None:
    seen: set[str] = set()
    for table in backed_up_tables():
        seen.add(table.name)
        assert {key.column.table.name for key in table.foreign_keys} <= seen
    assert "sessions" not in seen


@pytest.mark.parametrize("other", ["k" * 31 + "l", "K" * 32])
def test_a_mark_distinguishes_keys_and_does_not_contain_them(other: str) -> None:
    assert key_mark("k" * 32) == key_mark("k" * 32) != key_mark(other)
    assert len(key_mark(other)) == 12
