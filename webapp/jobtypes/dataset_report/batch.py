"""Some rows of a table with the lines they begin on, and a table as what can be read from a file."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from webapp.jobtypes.dataset_report.bad_rows import BadRows

Row = Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Rows as they stand in the file, `lines[i]` being the line (or sheet row) where `rows[i]` begins."""

    rows: Sequence[Row]
    lines: Sequence[int]
    bytes_read: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The first row (a header or not), the batches below it, and how the file was read, for people."""

    first: Row
    first_line: int
    batches: Iterator[Batch]
    facts: Mapping[str, str]


def sound_rows(batch: Batch, width: int, bad_rows: BadRows) -> Sequence[Row]:
    """Return the rows that have ``width`` fields and record the others."""
    widths = list(map(len, batch.rows))
    if widths.count(width) == len(widths):
        return batch.rows
    for line, found in zip(batch.lines, widths, strict=True):
        if found != width:
            words = "field instead of" if found == 1 else "fields instead of"
            bad_rows.skip(line, f"{found:,} {words} {width:,}")
    return [row for row, found in zip(batch.rows, widths, strict=True) if found == width]
