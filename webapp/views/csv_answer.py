"""A table as a CSV file, sent row by row; nothing in it is run by a spreadsheet."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from io import StringIO

from flask import Response, stream_with_context

from webapp.jobtypes.tables.spreadsheet import neutral


def csv_answer(name: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Response:
    """Answer with a file of this name; ``rows`` are asked for while it is sent."""
    response = Response(stream_with_context(_lines(columns, rows)), mimetype="text/csv")
    response.headers.set("Content-Disposition", "attachment", filename=name)
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def _lines(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    yield _line(columns)
    for row in rows:
        yield _line([_cell(value) for value in row])


def _cell(value: object) -> object:
    if value is None or isinstance(value, bool | int | float):
        return value
    return neutral(str(value).encode("utf-8", "replace").decode())


def _line(cells: Sequence[object]) -> str:
    text = StringIO(newline="")
    csv.writer(text).writerow(cells)
    return text.getvalue()
