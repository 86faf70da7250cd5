"""Tables, batches of rows, column names and bad rows, as all readers produce them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from webapp.jobs import JobError

NAMED = 100


@dataclass(slots=True)
class _Run:
    """Consecutive lines with the same problem."""

    why: str
    skipped: bool
    first: int
    last: int

    def goes_on_with(self, line: int, why: str, *, skipped: bool) -> bool:
        return (line, why, skipped) == (self.last + 1, self.why, self.skipped)

    @property
    def count(self) -> int:
        return self.last - self.first + 1

    @property
    def sentence(self) -> str:
        several = self.count > 1
        where = f"Lines {self.first:,} to {self.last:,}" if several else f"Line {self.first:,}"
        skipped = "; the rows were skipped." if several else "; the row was skipped."
        return f"{where}: {self.why}{skipped if self.skipped else '.'}"


class BadRows:
    """Counts rows with problems, and warns about the first ones with their line numbers."""

    def __init__(self, warn: Callable[[str], None]) -> None:
        self._warn = warn
        self._run: _Run | None = None
        self._named = 0
        self.skipped = 0
        self.repaired = 0
        self.sentences: list[str] = []

    def skip(self, line: int, why: str) -> None:
        """Record a row that is skipped."""
        self.skipped += 1
        self._record(line, why, skipped=True)

    def repair(self, line: int, why: str) -> None:
        """Record a row that was changed to make it readable."""
        self.repaired += 1
        self._record(line, why, skipped=False)

    @property
    def count(self) -> int:
        """The number of skipped and repaired rows."""
        return self.skipped + self.repaired

    def close(self) -> None:
        """Warn about the last lines, and about the number of rows without their own warning."""
        self._tell()
        if more := self.count - self._named:
            words = "more row has similar problems." if more == 1 else "more rows have similar problems."
            self._warn(f"{more:,} {words}")

    def _record(self, line: int, why: str, *, skipped: bool) -> None:
        if self._run and self._run.goes_on_with(line, why, skipped=skipped):
            self._run.last = line
            return
        self._tell()
        self._run = _Run(why, skipped, line, line)

    def _tell(self) -> None:
        run, self._run = self._run, None
        if run and len(self.sentences) < NAMED:
            self._named += run.count
            self.sentences.append(run.sentence)
            self._warn(run.sentence)


Row = Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Rows of the file; ``lines[i]`` is the line (or sheet row) on which ``rows[i]`` begins."""

    rows: Sequence[Row]
    lines: Sequence[int]
    bytes_read: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The first row (a header or not), the batches below it, and how the file was read."""

    first: Row
    first_line: int
    batches: Iterator[Batch]
    facts: Mapping[str, str]


def sound_rows(batch: Batch, width: int, bad_rows: BadRows) -> Sequence[Row]:
    """Return the rows that have ``width`` fields; record the others as skipped."""
    widths = list(map(len, batch.rows))
    if widths.count(width) == len(widths):
        return batch.rows
    for line, found in zip(batch.lines, widths, strict=True):
        if found != width:
            words = "field instead of" if found == 1 else "fields instead of"
            bad_rows.skip(line, f"{found:,} {words} {width:,}")
    return [row for row, found in zip(batch.rows, widths, strict=True) if found == width]


MOST_COLUMNS = 16_384  # as many as a worksheet has
LONGEST_NAME = 200


def column_names(header: Row) -> tuple[str, ...]:
    """Return one unique name per cell; raise `JobError` if there are too many."""
    if len(header) > MOST_COLUMNS:
        message = f"The table has {len(header):,} columns. The limit is {MOST_COLUMNS:,}."
        raise JobError(message)
    taken: set[str] = set()
    return tuple(_unique(_readable(cell, place), taken) for place, cell in enumerate(header, 1))


def numbered(width: int) -> tuple[str, ...]:
    """Return names for a table that has no header."""
    return column_names(("",) * width)


def _readable(cell: str, place: int) -> str:
    return " ".join(cell.split())[:LONGEST_NAME] or f"Column {place}"


def _unique(name: str, taken: set[str]) -> str:
    unique, copy = name, 1
    while unique in taken:
        copy += 1
        unique = f"{name} ({copy})"
    taken.add(unique)
    return unique
