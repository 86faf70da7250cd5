"""The words, numbers and dates of a report in the language of its reader."""

from collections.abc import Mapping
from datetime import datetime
from math import floor, log10

from babel import Locale
from babel.dates import format_date, format_datetime
from babel.numbers import format_decimal
from markupsafe import Markup, escape

from webapp.catalogues import catalogue
from webapp.jobtypes.dataset_report.dataset_profile import ColumnProfile
from webapp.jobtypes.tables.engine.figure_bins import moment_at
from webapp.jobtypes.tables.notes import Note
from webapp.jobtypes.tables.values.column_formats import DATED, ValueKind

UNITS = ("bytes", "kB", "MB", "GB", "TB")
DIGITS = 6
HUGE, TINY = 1e15, 1e-6
SPACE = "\u00a0"


class ReportWords:
    """Translates and formats for one language."""

    def __init__(self, language: str) -> None:
        self.language = language
        self.locale = Locale.parse(language)
        self._catalogue = catalogue(language)

    def gettext(self, text: str, **values: object) -> str:
        """Translate a text and fill in the values."""
        return self._catalogue.gettext(text) % values if values else self._catalogue.gettext(text)

    def markup(self, text: str, **values: object) -> Markup:
        """Translate for a template: the text can be markup, the values are escaped."""
        return Markup(self._catalogue.gettext(text) % {name: escape(value) for name, value in values.items()})  # noqa: S704

    def sentence(self, note: Note) -> str:
        """Translate a sentence with its values."""
        return note.in_words(self._catalogue.gettext, self.whole)

    def kind(self, column: ColumnProfile) -> str:
        """Return the kind of a column, with its unit."""
        kind = self.gettext(column.kind.value)
        return f"{kind} ({column.format.unit})" if column.format.unit and column.summary else kind

    def facts(self, facts: Mapping[str, str]) -> Mapping[str, str]:
        """Translate how the file was read."""
        return {self.gettext(name): self.gettext(fact) for name, fact in facts.items()}

    def whole(self, number: int) -> str:
        """Return a count."""
        return str(format_decimal(number, locale=self.locale))

    def number(self, number: float | None, *, is_year: bool = False) -> str:
        """Return six digits at most after a whole part that is never cut; years have no marks."""
        if number is None:
            return self.gettext("unknown")
        if is_year:
            return f"{number:.0f}"
        size = abs(number)
        if size and not TINY <= size < HUGE:
            return f"{number:.4g}".replace(".", self.locale.number_symbols["latn"]["decimal"])
        places = 0 if number == int(number) else max(0, DIGITS - 1 - floor(log10(size)))
        return str(format_decimal(round(number, places), "#,##0." + "#" * places, locale=self.locale))

    def value(self, number: float | None, column: ColumnProfile) -> str:
        """Return a number, or the date that it stands for in a column of dates."""
        if number is None or column.kind not in DATED:
            return self.number(number, is_year=column.has_years)
        moment = moment_at(number)
        if column.kind is ValueKind.DATE:
            return str(format_date(moment, "medium", locale=self.locale))
        return f"{format_date(moment, 'medium', locale=self.locale)} {moment:%H:%M}"

    def edge(self, number: float, column: ColumnProfile) -> str:
        """Return a short label of an axis."""
        unit = column.summary.unit if column.summary else ""
        patterns = {"year": "y", "month": "MMM y", "day": "d MMM", "hour": "d MMM HH:mm"}
        if unit:
            return str(format_datetime(moment_at(number), patterns[unit], locale=self.locale))
        return self.value(number, column)

    def moment(self, moment: datetime) -> str:
        """Return a date and a time in UTC."""
        return f"{format_date(moment, 'medium', locale=self.locale)}, {moment:%H:%M} UTC"

    def size(self, size: int) -> str:
        """Return a number of bytes in the largest unit that keeps it above one."""
        amount, unit = float(size), 0
        while amount >= 999.5 and unit < len(UNITS) - 1:  # noqa: PLR2004 - would be written 1,000
            amount, unit = amount / 1000, unit + 1
        places = "0.0" if unit > 2 or (unit and amount < 9.95) else "0"  # noqa: PLR2004
        return f"{format_decimal(amount, places, locale=self.locale)}{SPACE}{UNITS[unit]}"

    def share(self, part: float, whole: float) -> str:
        """Return a percentage that is 0 or 100 only when it truly is."""
        if not whole or not part:
            return f"0{SPACE}%"
        if part == whole:
            return f"100{SPACE}%"
        share = 100 * part / whole
        sign, shown = ("< ", 0.1) if share < 0.1 else ("> ", 99.9) if share > 99.9 else ("", share)  # noqa: PLR2004
        return f"{sign}{format_decimal(shown, '0.0', locale=self.locale)}{SPACE}%"
