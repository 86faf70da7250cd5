"""What deserves a look: constant columns, gaps, mixed values, duplicates and the like."""

from collections.abc import Iterator

from webapp.jobtypes.dataset_report.dataset_profile import ColumnProfile, Profile
from webapp.jobtypes.tables.notes import Note
from webapp.jobtypes.tables.values.column_formats import DATED, NUMERIC, ValueKind

MANY = 0.5
MIXED = 0.05
ALIKE = 0.95  # of a correlation
FEW = 3  # rows of which nothing can be said


def alerts(profile: Profile) -> Iterator[tuple[int | None, Note]]:
    """Yield each alert with the place of its column, None for the whole table."""
    if profile.duplicates:
        share = f"{100 * profile.duplicates / profile.rows:.1f} %"
        text = _REPEATED if profile.duplicates > 1 else _REPEATED_ONCE
        text = text if profile.duplicates_exact else _REPEATED_ABOUT
        yield None, Note(text, {"count": profile.duplicates, "share": share})
    for one, two, value in profile.correlations:
        if abs(value) >= ALIKE and profile.rows > FEW:
            names = {"column": profile.columns[one].name, "other": profile.columns[two].name}
            yield one, Note(_TOGETHER, {**names, "value": f"{value:.2f}"})
    for place, column in enumerate(profile.columns):
        for note in _of_column(column):
            yield place, note


def _of_column(column: ColumnProfile) -> Iterator[Note]:
    name = {"column": column.name}
    if column.kind is ValueKind.EMPTY and column.rows:
        yield Note("%(column)s has no values.", name)
        return
    if column.distinct == 1 and column.count > 1:
        yield Note("%(column)s always has the same value.", name)
    if column.missing > MANY * column.rows:
        yield Note("%(column)s is mostly missing.", name)
    if column.kind in NUMERIC and column.summary and column.summary.zeros > MANY * column.count and column.distinct > 1:
        yield Note("%(column)s is mostly zero.", name)
    if column.exact and column.distinct == column.count > FEW and column.kind in {ValueKind.TEXT, ValueKind.INTEGER}:
        yield Note("%(column)s has a different value in every row.", name)
    if column.strays or column.fitting > MIXED * column.count:
        other = column.strays or column.fitting
        kind = column.kind if column.strays else column.format.kind
        text = "%(column)s is mixed: %(count)s of the values are no %(kind)s." if column.strays else _PARTLY
        yield Note(text, {**name, "count": other, "kind": Note(_PLURALS[kind])})
    if column.format.doubt and (column.kind in NUMERIC or column.kind in DATED):
        yield Note("%(column)s: %(doubt)s", {**name, "doubt": column.format.doubt})


_REPEATED_ONCE = "One row repeats an earlier row (%(share)s)."
_REPEATED_ABOUT = "About %(count)s rows repeat an earlier row (%(share)s)."
_REPEATED = "%(count)s rows repeat an earlier row (%(share)s)."
_TOGETHER = "%(column)s and %(other)s go up and down together (r = %(value)s)."
_PARTLY = "%(column)s is mixed: it is text, but %(count)s of the values are %(kind)s."
_PLURALS = {
    ValueKind.INTEGER: "whole numbers",
    ValueKind.NUMBER: "numbers",
    ValueKind.DATE: "dates",
    ValueKind.DATETIME: "dates",
    ValueKind.BOOLEAN: "yes and no",
    ValueKind.TEXT: "text",
}
