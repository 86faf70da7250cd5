"""Compare two profiles: columns that were added, removed or changed."""

from collections.abc import Iterator, Mapping
from typing import Any

from webapp.jobtypes.tables.notes import Note, Share
from webapp.jobtypes.tables.values.column_formats import NUMERIC

SHIFT = 0.5  # standard deviations
GAP = 0.05  # of the rows
NEW_SHARE = 0.05  # of the values


def compare(earlier: Mapping[str, Any], later: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is different, with columns compared by their names, in the order of the later table."""
    before, after = ({column["name"]: column for column in profile["columns"]} for profile in (earlier, later))
    return {
        "file": earlier["file"]["name"],
        "rows": earlier["rows"],
        "added": [name for name in after if name not in before],
        "removed": [name for name in before if name not in after],
        "changes": [note for name in after if name in before for note in _changes(before[name], after[name])],
    }


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Note]:
    name = {"column": after["name"]}
    if before["type"] != after["type"]:
        kinds = {"before": Note(before["type"]), "after": Note(after["type"])}
        yield Note("%(column)s was %(before)s and is %(after)s.", {**name, **kinds})
    missing = [Share(column["missing"] / max(1, column["missing"] + column["count"])) for column in (before, after)]
    if abs(missing[0] - missing[1]) >= GAP:
        shares = {"before": missing[0], "after": missing[1]}
        yield Note("%(column)s: %(before)s of the values were missing, now %(after)s are.", {**name, **shares})
    if before["type"] in NUMERIC and after["type"] in NUMERIC:
        yield from _shift(before, after)
    known = {each["value"] for each in before["top_values"]}
    is_known = before["exact"] and before["distinct"] <= len(known)
    if before["type"] == after["type"] and after["type"] not in NUMERIC and is_known:
        for each in after["top_values"]:
            if each["value"] not in known and each["count"] >= NEW_SHARE * after["count"]:
                yield Note("%(column)s: the value %(value)s is new.", {**name, "value": each["value"]})


def _shift(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Note]:
    means = [column["mean"] for column in (before, after)]
    if None not in means and abs(means[1] - means[0]) > SHIFT * (before["standard_deviation"] or 0):
        values = {"before": means[0], "after": means[1]}
        yield Note("%(column)s: the mean was %(before)s and is %(after)s.", {"column": after["name"], **values})
