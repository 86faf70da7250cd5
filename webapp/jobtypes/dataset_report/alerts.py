"""What deserves a look: constant columns, gaps, mixed values, duplicates and the like."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from webapp.jobtypes.tables.notes import Note, Share
from webapp.jobtypes.tables.reading.shape import TOTAL
from webapp.jobtypes.tables.values.column_formats import DATED, NUMERIC, ColumnFormat, ValueKind

MANY = 0.5
MIXED = 0.05
ALIKE = 0.95  # of a correlation
FEW = 3  # rows of which nothing can be said


def alerts(
    profile: Mapping[str, Any], formats: Sequence[ColumnFormat], fitting: Sequence[int]
) -> Iterator[tuple[str | None, Note]]:
    """Yield each alert with the name of its column, None for the whole table.

    ``formats`` are what the columns seemed to hold, and ``fitting`` how many of their values do.
    """
    if repeated := profile["duplicate_rows"]:
        text = _REPEATED if repeated > 1 else _REPEATED_ONCE
        text = text if profile["duplicate_rows_exact"] else _REPEATED_ABOUT
        yield None, Note(text, {"count": repeated, "share": Share(repeated / profile["rows"])})
    for pair in profile["correlations"]:
        if abs(pair["r"]) >= ALIKE and profile["rows"] > FEW:
            one, two = pair["columns"]
            yield one, Note(_TOGETHER, {"column": one, "other": two, "value": round(pair["r"], 2)})
    for column, form, number in zip(profile["columns"], formats, fitting, strict=True):
        for note in _of_column(column, form, number):
            yield column["name"], note


def _of_column(column: Mapping[str, Any], form: ColumnFormat, fitting: int) -> Iterator[Note]:
    name, count, missing, distinct = {"column": column["name"]}, column["count"], column["missing"], column["distinct"]
    kind, strays = ValueKind(column["type"]), column["strays"]["count"]
    if kind is ValueKind.EMPTY and missing:
        yield Note("%(column)s has no values.", name)
        return
    if distinct == 1 and count > 1:
        yield Note("%(column)s always has the same value.", name)
    if missing > MANY * (count + missing):
        yield Note("%(column)s is mostly missing.", name)
    if kind in NUMERIC and column["zeros"] > MANY * count and distinct > 1:
        yield Note("%(column)s is mostly zero.", name)
    if column["exact"] and distinct == count > FEW and kind in {ValueKind.TEXT, ValueKind.INTEGER}:
        yield Note("%(column)s has a different value in every row.", name)
    if strays:
        text = "%(column)s is mixed: %(count)s of the values are no %(kind)s."
        yield Note(text, {**name, "count": strays, "kind": Note(_PLURALS[kind])})
    elif kind is ValueKind.TEXT and fitting > MIXED * count:
        yield Note(_PARTLY, {**name, "count": fitting, "kind": Note(_PLURALS[form.kind])})
    totals = [each["value"] for each in column["top_values"] if TOTAL.fullmatch(each["value"])]
    if kind is ValueKind.TEXT and totals:
        yield Note(_TOTALS, {**name, "value": totals[0]})
    if form.doubt and (kind in NUMERIC or kind in DATED):
        yield Note("%(column)s: %(doubt)s", {**name, "doubt": form.doubt})


_TOTALS = "%(column)s has rows of totals, such as %(value)s, which count like all others."
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
