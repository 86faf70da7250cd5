"""The words, numbers and dates of a report in the language of its reader."""

from collections.abc import Mapping
from datetime import datetime
from math import floor, log10
from typing import Any

from babel import Locale
from babel.dates import format_date, format_datetime
from markupsafe import Markup, escape

from webapp.catalogues import catalogue
from webapp.jobtypes.tables.notes import Note, Share
from webapp.jobtypes.tables.sizes import size_in_words
from webapp.jobtypes.tables.values.column_formats import ValueKind

PATTERNS = {"year": "y", "month": "MMM y", "day": "d MMM", "hour": "d MMM HH:mm"}
FIRST_YEAR, LAST_YEAR = 1_500, 2_200  # whole numbers between them look like years
DIGITS = 6
HUGE, TINY = 1e15, 1e-6
SPACE = "\u00a0"


class ReportWords:
    """Translates and formats for one language."""

    def __init__(self, language: str) -> None:
        self.language = language
        self.locale = Locale.parse(language)
        self._catalogue = catalogue(language)
        symbols = self.locale.number_symbols["latn"]
        self._marks = str.maketrans({",": symbols["group"], ".": symbols["decimal"]})

    def gettext(self, text: str, **values: object) -> str:
        """Translate a text and fill in the values."""
        return self._catalogue.gettext(text) % values if values else self._catalogue.gettext(text)

    def markup(self, text: str, **values: object) -> Markup:
        """Translate for a template: the text can be markup, the values are escaped."""
        return Markup(self._catalogue.gettext(text) % {name: escape(value) for name, value in values.items()})  # noqa: S704

    def sentence(self, note: Note) -> str:
        """Translate a sentence with its values."""

        def number(value: float) -> str:
            return self.share(value, 1) if isinstance(value, Share) else self.number(value)

        return note.in_words(self._catalogue.gettext, number)

    def kind(self, column: Mapping[str, Any]) -> str:
        """Return the kind of a column, with its unit."""
        kind = self.gettext(column["type"])
        return f"{kind} ({column['unit']})" if column["unit"] and "mean" in column else kind

    def facts(self, file: Mapping[str, Any]) -> Mapping[str, str]:
        """Translate how the file was read."""
        facts = {name: fact for name, fact in file.items() if name not in {"name", "size"}}
        return {self.gettext(name.capitalize()): self.gettext(fact) for name, fact in facts.items()}

    def whole(self, number: int) -> str:
        """Return a count."""
        return self._marked(f"{number:,}")

    def number(self, number: float | None, *, is_year: bool = False) -> str:
        """Return six digits at most after a whole part that is never cut; years have no marks."""
        if number is None:
            return self.gettext("unknown")
        if is_year:
            return f"{number:.0f}"
        size = abs(number)
        if size and not TINY <= size < HUGE:
            return self._marked(f"{number:.4g}")
        places = 0 if number == int(number) else max(0, DIGITS - 1 - floor(log10(size)))
        shown = f"{number:,.{places}f}"
        return self._marked(shown.rstrip("0").rstrip(".") if places else shown)

    def _marked(self, number: str) -> str:
        """Return an English number with the marks of the language; Babel's functions take twenty times as long."""
        return number.translate(self._marks)

    def value(self, value: float | str | None, column: Mapping[str, Any]) -> str:
        """Return a number, or a date, which the profile has as a text."""
        if not isinstance(value, str):
            return self.number(value, is_year=_has_years(column))
        moment = datetime.fromisoformat(value)
        day = str(format_date(moment, "medium", locale=self.locale))
        return f"{day} {moment:%H:%M}" if column["type"] == ValueKind.DATETIME else day

    def edge(self, value: float | str, column: Mapping[str, Any]) -> str:
        """Return a short label of an axis."""
        if isinstance(value, str):
            pattern = PATTERNS[column["histogram"]["unit"]]
            return str(format_datetime(datetime.fromisoformat(value), pattern, locale=self.locale))
        return self.value(value, column)

    def moment(self, moment: str) -> str:
        """Return a date and a time in UTC."""
        when = datetime.fromisoformat(moment)
        return f"{format_date(when, 'medium', locale=self.locale)}, {when:%H:%M} UTC"

    def size(self, size: int) -> str:
        """Return a number of bytes in a unit that suits it."""
        amount, unit = size_in_words(size).split(" ")
        return f"{self._marked(amount)}{SPACE}{unit}"

    def share(self, part: float, whole: float) -> str:
        """Return a percentage that is 0 or 100 only when it truly is."""
        if not whole or not part:
            return f"0{SPACE}%"
        if part == whole:
            return f"100{SPACE}%"
        share = 100 * part / whole
        sign, shown = ("< ", 0.1) if share < 0.1 else ("> ", 99.9) if share > 99.9 else ("", share)  # noqa: PLR2004
        return f"{sign}{self._marked(f'{shown:.1f}')}{SPACE}%"


def _has_years(column: Mapping[str, Any]) -> bool:
    """Whether the whole numbers look like years, which have no mark between thousands."""
    is_whole = column["type"] == ValueKind.INTEGER
    return bool(is_whole and FIRST_YEAR <= column["min"] <= column["max"] <= LAST_YEAR)
