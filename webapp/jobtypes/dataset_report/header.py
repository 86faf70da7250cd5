"""Names of the columns, made from the first row: none is blank, no two are alike."""

from webapp.jobs.job_type import JobError
from webapp.jobtypes.dataset_report.batch import Row

MOST_COLUMNS = 16_384  # as many as a worksheet has
LONGEST_NAME = 200


def column_names(header: Row) -> tuple[str, ...]:
    """Return one unique name per cell; raise a `JobError` when there are more than anyone can read."""
    if len(header) > MOST_COLUMNS:
        message = f"The table has {len(header):,} columns; at most {MOST_COLUMNS:,} can be described."
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
