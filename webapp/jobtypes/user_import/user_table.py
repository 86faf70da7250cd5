"""Read a table of users: a CSV file or a workbook, with columns in any order and under the names that are usual.

No message repeats a cell: in a file without a header or with an extra delimiter, any cell can be a password.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import BinaryIO, Protocol

from webapp.formula_escape import without_escape
from webapp.jobs import JobError
from webapp.jobtypes.tables.notes import Note
from webapp.jobtypes.tables.reading.csv_rows import OPEN_QUOTE
from webapp.jobtypes.tables.reading.row_problems import RowProblems
from webapp.jobtypes.tables.reading.table_reader import Table, TableFormat, open_table

COLUMNS = ("name", "full_name", "email", "role", "password")
MOST_BYTES = 20_000_000
MOST_ROWS, MOST_BLANK_ROWS = 50_000, 200_000
# In the order in which they are tried: a column Username is the login, even beside a column Name
_OTHER_NAMES = {
    "name": ("username", "login", "userid", "account", "benutzername", "anmeldename", "loginname", "name", "user"),
    "full_name": ("fullname", "displayname", "realname", "vollername", "vollständigername", "anzeigename", "name"),
    "email": ("email", "mail", "emailaddress", "mailaddress", "emailadresse", "mailadresse"),
    "role": ("role", "rolle"),
    "password": ("password", "passwort", "kennwort"),
}
_NO_NAME = "The first row must contain the column names, including name."
_AUTOMATIC = re.compile(r"Column \d+")


class Source(Protocol):
    """A file that can be opened several times."""

    name: str
    size: int

    def open(self) -> BinaryIO:
        """Open the file at its beginning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRow:
    """The cells of a row by column, stripped except for the password.

    ``line`` is the line (in a workbook: the row) on which the row begins; ``misplaced`` is true if there are more cells
    than columns.
    """

    line: int
    cells: Mapping[str, str] = field(repr=False)
    misplaced: bool = False


class UserTable:
    """The rows of a file; raises `JobError` if the file cannot be read.

    ``chosen`` are the names that columns have in this file, by their usual name, as a person has given them.
    """

    def __init__(self, source: Source, chosen: Mapping[str, str] | None = None) -> None:
        if source.size > MOST_BYTES:
            raise JobError(f"The file has more than {MOST_BYTES // 1_000_000} MB. Split it into several files.")
        self._source = source
        self._chosen = chosen or {}

    def count(self) -> int:
        """Return the number of rows; raise `JobError` for none or too many."""
        count = sum(1 for _ in islice(self.rows(), MOST_ROWS + 1))
        if count == 0:
            raise JobError("The file has a header but no rows.")
        if count > MOST_ROWS:
            raise JobError(f"The file has more than {MOST_ROWS:,} rows. Split it into several files.")
        return count

    def rows(self) -> Iterator[ImportRow]:
        """Yield the rows in order, without blank ones; raise `JobError` for too many of those."""
        blank = 0
        with self._table() as table:
            columns = self._columns(table)
            for line, cells in table.rows():
                if any(cell.strip() for cell in cells):
                    yield _row(line, cells, columns)
                elif (blank := blank + 1) > MOST_BLANK_ROWS:
                    raise JobError(f"The file has more than {MOST_BLANK_ROWS:,} blank rows. Delete them.")

    def mapping(self) -> tuple[Mapping[str, str], Sequence[str]]:
        """Return the name in the file of each column that is used, and the names of those that are ignored."""
        with self._table() as table:
            names, columns = _names(table), self._columns(table)
        used = {column: name for name, column in zip(names, columns, strict=False) if column in COLUMNS}
        return used, [name for name, column in zip(names, columns, strict=False) if column not in COLUMNS]

    @contextmanager
    def _table(self) -> Iterator[Table]:
        with self._source.open() as file:
            if not file.read(1):
                raise JobError(_NO_NAME)
            file.seek(0)
            with open_table(file, self._source.name, TableFormat(), _Refusals()) as table:
                yield table

    def _columns(self, table: Table) -> tuple[str, ...]:
        """Return what each column of the file is; columns without a name at the end are none."""
        header = _names(table)
        while header and _AUTOMATIC.fullmatch(header[-1]):
            header.pop()
        columns = [*header]
        for column in COLUMNS:
            place = self._place(column, header, columns)
            if place is not None:
                columns[place] = column
        if "name" not in columns:
            raise JobError(_NO_NAME)
        return tuple(columns)

    def _place(self, column: str, header: Sequence[str], taken: Sequence[str]) -> int | None:
        if chosen := self._chosen.get(column):
            if chosen not in header:
                raise JobError(f"The file has no column {chosen}.")
            return header.index(chosen)
        bare = [_bare(re.sub(r" \(\d+\)$", "", name)) if name not in self._chosen.values() else "" for name in header]
        if Counter(bare)[_bare(column)] > 1:
            raise JobError(f"The column {column} appears twice.")
        for name in _OTHER_NAMES[column]:
            places = [
                at for at, each in enumerate(bare) if each == name and taken[at] not in COLUMNS[: COLUMNS.index(column)]
            ]
            if places:
                return places[0]
        return None


class _Refusals(RowProblems):
    """Half a file must not be imported: an open quote could hide accounts in a cell of another one."""

    def __init__(self) -> None:
        super().__init__(lambda _: None)

    def repair(self, line: int, why: Note) -> None:
        """Refuse the file; other repairs change letters only."""
        if why == OPEN_QUOTE:
            raise JobError(f"The quote opened on line {line} is never closed.")


def _names(table: Table) -> list[str]:
    """Return the names as they are in the file. If one is lacking, none may be moved to another column of accounts."""
    return list(table.shape.names)[1 if table.shape.lacks_first_name else 0 :]


def _bare(name: str) -> str:
    return re.sub(r"[\W_]", "", name.casefold())


def _row(line: int, cells: Sequence[str], columns: Sequence[str]) -> ImportRow:
    found = {
        column: cell if column == "password" else without_escape(cell.strip())
        for column, cell in zip(columns, cells, strict=False)
    }
    return ImportRow(line=line, cells=found, misplaced=any(cell.strip() for cell in cells[len(columns) :]))
