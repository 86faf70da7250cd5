"""Folds finished system jobs in a list, because hourly maintenance would hide the jobs of people. Pure."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from uuid import UUID

from webapp.views.job_list.row import DeletedRow, JobRow
from webapp.views.text.date_format import FormattedTime
from webapp.views.text.number_format import number


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldedRows:
    """Consecutive routine jobs as one row: how many there are, by title, and when the newest ended."""

    id: UUID
    count: int
    titles: str
    when: FormattedTime
    columns: tuple[str, ...]
    is_deleted: bool = False


ListRow = JobRow | DeletedRow | FoldedRows


def fold_rows(rows: Sequence[JobRow | DeletedRow]) -> tuple[ListRow, ...]:
    """Replace each run of routine jobs with one row; a single one stays."""
    return tuple(_fold(rows))


def _fold(rows: Sequence[JobRow | DeletedRow]) -> Iterator[ListRow]:
    for is_routine, group in groupby(rows, key=lambda row: isinstance(row, JobRow) and row.is_routine):
        together = tuple(group)
        if is_routine and len(together) > 1:
            yield _folded([row for row in together if isinstance(row, JobRow)])
        else:
            yield from together


def _folded(rows: Sequence[JobRow]) -> FoldedRows:
    titles = Counter(row.title for row in rows)
    return FoldedRows(
        id=rows[0].id,
        count=len(rows),
        titles=", ".join(f"{title} ({number(count)})" for title, count in titles.most_common()),
        when=rows[0].when,
        columns=rows[0].columns,
    )
