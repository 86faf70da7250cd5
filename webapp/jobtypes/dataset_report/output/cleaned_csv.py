"""Write cleaned.csv: the valid rows, trimmed, in UTF-8, with formulas escaped."""

import csv
import re
from collections.abc import Iterable, Sequence
from io import StringIO
from typing import BinaryIO

from webapp.jobtypes.tables.formula_escape import SIGNS, neutral

# A sign anywhere near the start of a line; whether the cell is a formula, `neutral` decides
_SUSPECT = re.compile(rf"\n[\s\0\ufeff\u200b-\u200f]*[{re.escape(SIGNS)}]")


class CleanedCsv:
    """Writes rows in the format of RFC 4180; uses only ``write`` of the file."""

    def __init__(self, file: BinaryIO, names: Iterable[str]) -> None:
        self._file = file
        self._write([map(neutral, names)])

    def add(self, columns: Iterable[Sequence[str]]) -> None:
        """Write a batch, given as stripped columns of equal length."""
        self._write(zip(*map(_neutral_column, columns), strict=True))

    def _write(self, rows: Iterable[Iterable[str]]) -> None:
        text = StringIO(newline="")
        csv.writer(text).writerows(rows)
        self._file.write(text.getvalue().encode("utf-8", "replace"))


def _neutral_column(cells: Sequence[str]) -> Sequence[str]:
    # A "start" behind a line break inside a cell is none; it only costs time.
    return list(map(neutral, cells)) if _SUSPECT.search("\n" + "\n".join(cells)) else cells
