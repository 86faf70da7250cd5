"""Dates as people write them: years of two or four digits, names of months, AM and PM, zones.

Like a number style, a date style is one regular expression for Python and for RE2.
"""

import re
from dataclasses import dataclass
from functools import cache

from babel import Locale

from webapp.jobtypes.tables.sql_text import quoted

# No name of a month means different months in two of these languages
LANGUAGES = ("en", "de", "fr", "es", "it", "pt", "nl", "sv", "da", "nb", "fi", "pl", "cs", "ru", "tr")
PIVOT = 69  # two digits from here on belong to the last century, as in POSIX
_TIME = (
    r"(?:(?:[T: ]|, )(?P<h>\d{1,2})[:.](?P<mi>\d{2})(?:[:.](?P<s>\d{2}(?:[.,]\d{1,9})?))? ?(?P<half>[AaPp]\.?[Mm]\.?)?"
    r" ?(?P<zone>Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)?)?"
)
_GROUP = re.compile(r"\(\?P<(\w+)>")


@dataclass(frozen=True, slots=True)
class DateStyle:
    """The order of year, month and day in ``name``, and the pattern of the date without a time."""

    name: str
    date: str
    has_names: bool = False

    @property
    def pattern(self) -> str:
        """The regular expression of a whole cell."""
        return self.date + _TIME

    def sql(self, cell: str) -> str:
        """Return the expression of the date in seconds since 1970; NULL if it is none. Without a zone, it is UTC."""
        groups = _GROUP.findall(self.pattern)
        parts = f"regexp_extract({cell}, {quoted(f'^{self.pattern}$')}, [{', '.join(map(quoted, groups))}])"
        year = f"try_cast(p.y AS INT) + CASE WHEN length(p.y) > 2 THEN 0 WHEN p.y >= '{PIVOT}' THEN 1900 ELSE 2000 END"
        month = f"{_month_map()}[lower(rtrim(p.m, '.'))]" if self.has_names else "try_cast(p.m AS INT)"
        day = "try_cast(p.d AS INT)" if "d" in groups else "1"
        hour = (
            "CASE WHEN p.half = '' THEN try_cast(p.h AS INT) WHEN try_cast(p.h AS INT) NOT BETWEEN 1 AND 12 THEN NULL "
            "ELSE try_cast(p.h AS INT) % 12 + CASE WHEN lower(p.half[1]) = 'p' THEN 12 ELSE 0 END END"
        )
        seconds = "coalesce(try_cast(replace(p.s, ',', '.') AS DOUBLE), 0)"
        moment = (
            f"TRY(make_timestamp({year}, {month}, {day}, CASE WHEN p.h = '' THEN 0 ELSE {hour} END, "
            f"coalesce(try_cast(p.mi AS INT), 0), {seconds}))"
        )
        offset = (
            "CASE WHEN p.zone[1] NOT IN ('+', '-') THEN 0 ELSE CASE WHEN p.zone[1] = '-' THEN -60 ELSE 60 END * "
            "(try_cast(p.zone[2:3] AS INT) * 60 "
            "+ CASE WHEN length(p.zone) > 3 THEN try_cast(p.zone[-2:] AS INT) ELSE 0 END) END"
        )
        exact = f"list_transform([{parts}], lambda p: epoch({moment}) - {offset})[1]"
        if self.name != "YYYY-MM-DD":
            return exact
        # the usual forms take the fast way
        return (
            f"CASE WHEN {cell} LIKE '____-__-__' THEN epoch(try_cast({cell} AS DATE)::TIMESTAMP) "
            rf"WHEN regexp_full_match({cell}, '\d{{4}}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{{1,6}})?)?)?') "
            f"THEN epoch(try_cast({cell} AS TIMESTAMP)) ELSE {exact} END"
        )


@cache
def date_styles() -> tuple[DateStyle, ...]:
    """Return every style; of two that fit alike, the earlier one is taken."""
    names = {form for name in _month_names() for form in (name, name.capitalize(), name.upper())}
    month = rf"(?P<m>{'|'.join(sorted(map(re.escape, names), key=lambda name: (-len(name), name)))})\.?"
    day, number, year = r"(?P<d>\d{1,2})", r"(?P<m>\d{1,2})", r"(?P<y>\d{4}|\d{2})"
    weekday = rf"(?:(?:{'|'.join(sorted(_weekdays()))})\.?,? )?"
    of_this_age = r"(?P<y>(?:19|20)\d{2})"
    return (
        DateStyle("YYYY-MM-DD", rf"(?P<y>\d{{4}})[-/.] ?{number}[-/.] ?{day}\.?"),
        DateStyle("DD.MM.YYYY", rf"{weekday}{day}\. ?{number}\. ?{year}"),
        DateStyle("MM/DD/YYYY", rf"{weekday}{number}[-/]{day}[-/]{year}"),
        DateStyle("DD/MM/YYYY", rf"{weekday}{day}[-/]{number}[-/]{year}"),
        DateStyle("YYYY年M月D日", rf"(?P<y>\d{{4}}) ?[年년] ?{number} ?[月월] ?{day} ?[日일]"),
        DateStyle(
            "D Month YYYY",
            rf"(?i){weekday}{day}(?:\.|er|st|nd|rd|th|º)?(?:[-/ ]?| de ){month}(?:[-/ ]| de ){year}",
            has_names=True,
        ),
        DateStyle("Month D, YYYY", rf"(?i){weekday}{month} {day}(?:st|nd|rd|th)?,? {year}", has_names=True),
        DateStyle("YYYY-MM", rf"{of_this_age}[-/](?P<m>0[1-9]|1[0-2])"),
        DateStyle("MM/YYYY", rf"(?P<m>0[1-9]|1[0-2])[-/.]{of_this_age}"),
        DateStyle("Month YYYY", rf"(?i){month}[- ]{of_this_age}", has_names=True),
    )


@cache
def _month_names() -> dict[str, int]:
    """Return the number of each month by its names, in lower case and without a final point."""
    names: dict[str, int] = {}
    for language in LANGUAGES:
        months = Locale(language).months
        for context, width in (("format", "wide"), ("format", "abbreviated"), ("stand-alone", "abbreviated")):
            names |= {name.lower().rstrip("."): number for number, name in months[context][width].items()}
    return names | {"mrz": 3, "sept": 9}


def _weekdays() -> set[str]:
    """Return the names of the days of the week, short and long."""
    days = (Locale(language).days["format"][width] for language in LANGUAGES for width in ("wide", "abbreviated"))
    return {
        form for names in days for name in names.values() for form in (name.rstrip("."), name.capitalize().rstrip("."))
    }


def _month_map() -> str:
    names = _month_names()
    return f"map([{', '.join(map(quoted, names))}], [{', '.join(map(str, names.values()))}])"
