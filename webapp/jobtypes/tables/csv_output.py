"""Rows of the CSV files that jobs write: RFC 4180, UTF-8, with commas in every language."""

import codecs
import csv
from collections.abc import Iterable
from io import StringIO
from typing import Annotated

from pydantic import Field

CsvMark = Annotated[
    bool,
    Field(
        title="Byte order mark",
        description="By it, Excel recognises the letters of a CSV file.",
        examples=[True],
    ),
]


def csv_row(cells: Iterable[object], *, marked: bool = False) -> bytes:
    """Return a row; ``marked``, the first row of a file with a byte order mark."""
    text = StringIO(newline="")
    csv.writer(text).writerow(cells)
    return (codecs.BOM_UTF8 if marked else b"") + text.getvalue().encode("utf-8", "replace")
