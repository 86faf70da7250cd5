"""Compare two profiles: columns that were added, removed or changed."""

from collections.abc import Iterator
from dataclasses import dataclass

from webapp.jobtypes.dataset_report.dataset_profile import ColumnProfile, Profile
from webapp.jobtypes.tables.notes import Note
from webapp.jobtypes.tables.values.column_formats import NUMERIC

SHIFT = 0.5  # standard deviations
GAP = 0.05  # of the rows
NEW_SHARE = 0.05  # of the values


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What is different from an earlier table; ``changes`` name the columns that both have."""

    name: str
    rows: int
    added: tuple[str, ...]
    removed: tuple[str, ...]
    changes: tuple[Note, ...]


def compare(earlier: Profile, later: Profile) -> Comparison:
    """Compare columns by their names, in the order of the later table."""
    before = {column.name: column for column in earlier.columns}
    after = {column.name: column for column in later.columns}
    return Comparison(
        name=earlier.name,
        rows=earlier.rows,
        added=tuple(name for name in after if name not in before),
        removed=tuple(name for name in before if name not in after),
        changes=tuple(note for name in after if name in before for note in _changes(before[name], after[name])),
    )


def _changes(before: ColumnProfile, after: ColumnProfile) -> Iterator[Note]:
    name = {"column": after.name}
    if before.kind is not after.kind:
        kinds = {"before": Note(before.kind.value), "after": Note(after.kind.value)}
        yield Note("%(column)s was %(before)s and is %(after)s.", {**name, **kinds})
    missing = [column.missing / max(1, column.rows) for column in (before, after)]
    if abs(missing[0] - missing[1]) >= GAP:
        shares = {"before": f"{100 * missing[0]:.1f} %", "after": f"{100 * missing[1]:.1f} %"}
        yield Note("%(column)s: %(before)s of the values were missing, now %(after)s are.", {**name, **shares})
    yield from _shift(before, after)
    known = {value for value, _ in before.top}
    if before.kind is after.kind and after.kind not in NUMERIC and before.exact and before.distinct <= len(before.top):
        for value, count in after.top:
            if value not in known and count >= NEW_SHARE * after.count:
                yield Note("%(column)s: the value %(value)s is new.", {**name, "value": value})


def _shift(before: ColumnProfile, after: ColumnProfile) -> Iterator[Note]:
    if before.kind not in NUMERIC or after.kind not in NUMERIC or not before.summary or not after.summary:
        return
    means, width = (before.summary.mean, after.summary.mean), before.summary.deviation
    if None in means or abs((means[1] or 0) - (means[0] or 0)) <= SHIFT * (width or 0):
        return
    values = {"before": f"{means[0]:.6g}", "after": f"{means[1]:.6g}"}
    yield Note("%(column)s: the mean was %(before)s and is %(after)s.", {"column": after.name, **values})
