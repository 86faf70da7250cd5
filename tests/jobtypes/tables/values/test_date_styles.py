import re
from datetime import UTC, datetime

import duckdb
import pytest

from webapp.jobtypes.tables.values.date_styles import date_styles

STYLES = {style.name: style for style in date_styles()}


def moment(cell: str, name: str) -> str | None:
    style = STYLES[name]
    assert re.fullmatch(style.pattern, cell, re.ASCII)
    [[seconds]] = duckdb.execute(f"SELECT {style.sql('x')} FROM (SELECT $cell AS x)", {"cell": cell}).fetchall()
    return None if seconds is None else f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}"


@pytest.mark.parametrize(
    ("cell", "name", "expected"),
    [
        ("2026-02-28", "YYYY-MM-DD", "2026-02-28 00:00:00"),
        ("2026/2/8", "YYYY-MM-DD", "2026-02-08 00:00:00"),
        ("2026-02-28T23:59:58.5", "YYYY-MM-DD", "2026-02-28 23:59:58"),
        ("2026-01-01T10:00:00+02:00", "YYYY-MM-DD", "2026-01-01 08:00:00"),
        ("2026-01-01 10:00 Z", "YYYY-MM-DD", "2026-01-01 10:00:00"),
        ("2026-02-30", "YYYY-MM-DD", None),
        ("1.2.2026", "DD.MM.YYYY", "2026-02-01 00:00:00"),
        ("1.2.26", "DD.MM.YYYY", "2026-02-01 00:00:00"),
        ("1.2.69", "DD.MM.YYYY", "1969-02-01 00:00:00"),
        ("31.02.2026", "DD.MM.YYYY", None),
        ("10/28/2026 9:05 AM", "MM/DD/YYYY", "2026-10-28 09:05:00"),
        ("10/29/2026 12:15 AM", "MM/DD/YYYY", "2026-10-29 00:15:00"),
        ("10/30/2026 11:59 p.m.", "MM/DD/YYYY", "2026-10-30 23:59:00"),
        ("10/30/2026 13:59 PM", "MM/DD/YYYY", None),
        ("28/10/2026", "DD/MM/YYYY", "2026-10-28 00:00:00"),
        ("12. Oktober 2026", "D Month YYYY", "2026-10-12 00:00:00"),
        ("3. Mär. 2026", "D Month YYYY", "2026-03-03 00:00:00"),
        ("12-OCT-26", "D Month YYYY", "2026-10-12 00:00:00"),
        ("Oct 12, 2026", "Month D, YYYY", "2026-10-12 00:00:00"),
    ],
)
def test_a_date_is_read_as_people_write_it(cell: str, name: str, expected: str | None) -> None:
    assert moment(cell, name) == expected
