"""Dates and times in a worksheet: detect them by their number format, and convert serial numbers."""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Literal

from webapp.jobtypes.dataset_report.reading.xml_events import Event

BUILT_IN_DATES = frozenset((*range(14, 18), 22, *range(27, 32), 36, *range(50, 59)))  # ECMA-376 part 1, 18.8.30
BUILT_IN_TIMES = frozenset((*range(18, 22), *range(32, 36), *range(45, 48)))
NOT_CODE = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?!h+\]|m+\]|s+\])[^\]]*\]', re.IGNORECASE)
EPOCH_1900, EPOCH_1904 = datetime(1899, 12, 30), datetime(1904, 1, 1)  # noqa: DTZ001 - a worksheet knows no zones

Meaning = Literal["number", "date", "time"]


def cell_meanings(events: Iterable[Event]) -> tuple[Meaning, ...]:
    """Return what numbers mean in cells of each style of styles.xml, by the style's index."""
    codes: dict[int, str] = {}
    styles: list[int] = []
    inside = False
    for kind, name, attributes in events:
        if name == "cellXfs" and kind != "text":
            inside = kind == "start"
        elif kind == "start" and name == "numFmt":
            codes[int(attributes["numFmtId"])] = attributes.get("formatCode", "")
        elif kind == "start" and name == "xf" and inside:
            styles.append(int(attributes.get("numFmtId", 0)))
    return tuple(_meaning(style, codes) for style in styles)


def moment_in_words(serial: float, meaning: Meaning, epoch: datetime) -> str | None:
    """Return the date or time as ISO text, None if there is no such date."""
    try:
        length = timedelta(days=serial)
        if meaning == "time" and serial >= 0:
            return _hours(round(length.total_seconds()))
        moment = epoch + timedelta(seconds=round(length.total_seconds()))
    except OverflowError:
        return None
    return f"{moment.date()}" if moment == datetime.combine(moment, datetime.min.time()) else f"{moment}"


def _meaning(style: int, codes: Mapping[int, str]) -> Meaning:
    if style in codes:
        return _meaning_of_code(codes[style])
    if style in BUILT_IN_DATES:
        return "date"
    return "time" if style in BUILT_IN_TIMES else "number"


def _meaning_of_code(code: str) -> Meaning:
    letters = NOT_CODE.sub("", code.partition(";")[0]).lower()
    if "d" in letters or "y" in letters:
        return "date"
    return "time" if "h" in letters or "s" in letters else "number"


def _hours(seconds: int) -> str:
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
