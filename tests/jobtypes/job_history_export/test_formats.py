import json
from io import BytesIO
from typing import Any
from zipfile import ZipFile

import pytest

from webapp.jobtypes.job_history_export import formats
from webapp.jobtypes.job_history_export.formats import cells_of, csv_table, json_lines, workbook

COLUMNS = ("title", "progress", "warnings")
ROW: dict[str, Any] = {
    "title": "=1+1",
    "progress": 50.0,
    "warnings": [{"text": "one", "at": "10:00"}, {"text": "two", "at": "10:01"}],
    "more": "not exported",
}


def test_cells_are_escaped_and_diagnostics_are_lines() -> None:
    assert list(cells_of(ROW, COLUMNS)) == ["'=1+1", 50.0, "one\ntwo"]
    assert list(cells_of({**ROW, "title": None}, ("title",))) == [""]


def test_csv_has_a_header_and_a_row_per_job() -> None:
    file = BytesIO()
    with csv_table(file, COLUMNS) as add:
        add(ROW)
    assert file.getvalue() == b'title,progress,warnings\r\n\'=1+1,50.0,"one\ntwo"\r\n'


def test_json_lines_keep_every_text_and_the_times_of_diagnostics() -> None:
    file = BytesIO()
    with json_lines(file, COLUMNS) as add:
        add(ROW)
        add({**ROW, "title": "\ud800"})  # an unpaired surrogate
    first, second = file.getvalue().splitlines()
    assert json.loads(first) == {column: ROW[column] for column in COLUMNS}
    assert json.loads(second)["title"] == "?"


def test_a_full_sheet_is_followed_by_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "MOST_ROWS", 3)
    file = BytesIO()
    with workbook(file, COLUMNS) as add:
        for _ in range(3):
            add(ROW)
    with ZipFile(file) as archive:
        assert b'name="Jobs 2"' in archive.read("xl/workbook.xml")
        assert archive.read("xl/worksheets/sheet2.xml").count(b"<row") == 2


def test_an_interrupted_workbook_writes_nothing() -> None:
    file = BytesIO()
    with pytest.raises(RuntimeError), workbook(file, COLUMNS) as add:
        add(ROW)
        raise RuntimeError
    assert file.getvalue() == b""
