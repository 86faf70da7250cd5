"""What the cells of a column mean, guessed from a sample: a kind, and the style in which its values are written."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import TypeVar

from webapp.jobtypes.tables.notes import Note
from webapp.jobtypes.tables.sql_text import quoted
from webapp.jobtypes.tables.values.date_styles import DateStyle, date_styles
from webapp.jobtypes.tables.values.number_styles import NumberStyle, number_styles, unit_of

MOSTLY = 0.95
SAMPLED = 8_192  # rows from which formats are guessed
MOST = 1_000  # values that are compared
LIKELY = 0.8  # of a sample: the whole table decides
TRUE_WORDS = ("true", "yes", "t", "y", "ja", "wahr", "oui", "vrai", "sí", "si", "sì", "sim", "да", "tak", "ano", "evet")
FALSE_WORDS = ("false", "no", "f", "n", "nein", "falsch", "non", "faux", "não", "нет", "nie", "ne", "hayır")  # noqa: RUF001
_CODE_NAME = re.compile(
    r"(?:.*[\W_])?(?:zip|plz|postleitzahl|post(?:al)?[\W_]*code|code[\W_]*postal|(?:tele)?(?:phone|fon)|tel|fax|mobile?|"
    r"handy|iban|bic|isbn|issn|ean|gtin|upc|imei|ssn|blz|konto)(?:[\W_]*(?:codes?|numbers?|no|nr|num|nummer|id))?[.:]?",
    re.IGNORECASE,
)
_WORDS_IN_A_NAME = re.compile(r"(?<=[a-z])(?=[A-Z])")
_CODE = re.compile(r"\d{4,}|\d[.,]\d+E\+\d\d")  # the last one is what spreadsheets make of a long code
_LONG_CODE = re.compile(r"\d{12,}")
_SECONDS = re.compile(r"1\d{9}")  # since 1970: from 2001 to 2033
_LEADING_ZERO = re.compile(r"[+-]?0\d+")
_PHONE = re.compile(r"\+\d{7,}")
_DIVIDED_CODE = re.compile(  # telephone numbers of several parts, and IP addresses
    r"\+\d[\d ()/-]{6,}|(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}"
)
_DIVIDED_NUMBERS = re.compile(r"\d[-/]\d{1,2}[-/]\d")
_COMPACT_DATE = re.compile(r"(19|20)\d{2}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])")
_THOUSANDS = "%(value)s was read like %(style)s. Its mark could also have the other meaning."
_THOUSANDS_OR_DECIMALS = re.compile(r"[+-]?\d{1,3}[.,]\d{3}")


Style = TypeVar("Style", NumberStyle, DateStyle)


class ValueKind(StrEnum):
    """What a column holds."""

    EMPTY = "empty"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"
    DATETIME = "date and time"
    TEXT = "text"


NUMERIC = (ValueKind.INTEGER, ValueKind.NUMBER)
DATED = (ValueKind.DATE, ValueKind.DATETIME)


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnFormat:
    """A kind with its style. ``doubt``: what else the column could be; ``unit``: what stands beside its numbers."""

    kind: ValueKind
    number: NumberStyle | None = None
    date: DateStyle | None = None
    unit: str = ""
    doubt: Note | None = None

    def sql(self, cell: str) -> str:
        """Return the value of a cell as a number, a date in seconds since 1970; NULL if it is of another kind."""
        if style := self.number or self.date:
            return style.sql(cell)
        if self.kind is ValueKind.BOOLEAN:
            yes, no = (", ".join(map(quoted, words)) for words in (TRUE_WORDS, FALSE_WORDS))
            return f"CASE WHEN lower({cell}) IN ({yes}) THEN 1::DOUBLE WHEN lower({cell}) IN ({no}) THEN 0::DOUBLE END"
        return "NULL::DOUBLE"


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueChoices:
    """What a person has said about values; empty: found out."""

    decimal: str = ""
    day_first: bool | None = None


def column_formats(
    names: Sequence[str],
    sample: Sequence[Sequence[str]],
    missing: frozenset[str],
    *,
    choices: ValueChoices = ValueChoices(),
    delimiter: str = ",",
) -> tuple[ColumnFormat, ...]:
    """Return the format of each column. Columns that can be two things follow those that can be only one."""
    columns = [_looked_at(cells, missing) for cells in zip(*sample, strict=True)] or [()] * len(names)
    decimal = choices.decimal or _decimal_of(columns)
    usual = decimal or ("," if delimiter == ";" else ".")  # spreadsheets divide by semicolons where commas are decimal
    day_first = choices.day_first if choices.day_first is not None else _day_first(columns)
    return tuple(
        _format(name, cells, usual, is_proven=bool(decimal), day_first=day_first)
        for name, cells in zip(names, columns, strict=True)
    )


def _looked_at(cells: Iterable[str], missing: frozenset[str]) -> tuple[str, ...]:
    """Return different values, at most twice `MOST` of them, at equal distances."""
    different = tuple(dict.fromkeys(cell for cell in cells if cell not in missing))
    return different[:: max(1, len(different) // MOST)]


def _format(name: str, cells: Sequence[str], decimal: str, *, is_proven: bool, day_first: bool | None) -> ColumnFormat:
    if not cells:
        return ColumnFormat(kind=ValueKind.EMPTY)
    if _are_codes(name, cells):
        return ColumnFormat(kind=ValueKind.TEXT)
    if style := _number_style(cells, decimal) or (None if is_proven else _number_style(cells, "")):
        return _number_format(cells, style, is_proven=is_proven)
    if date := _date_style(cells, day_first=day_first):
        has_time = any(match["h"] for match in map(_compiled(date.pattern).fullmatch, cells) if match)
        return ColumnFormat(
            kind=ValueKind.DATETIME if has_time else ValueKind.DATE,
            date=date,
            doubt=_date_doubt(date, cells, day_first=day_first),
        )
    if all(cell.lower() in (*TRUE_WORDS, *FALSE_WORDS) for cell in cells):
        return ColumnFormat(kind=ValueKind.BOOLEAN)
    return ColumnFormat(kind=ValueKind.TEXT)


def _are_codes(name: str, cells: Sequence[str]) -> bool:
    """Numbers in form only: with zeros in front, telephone numbers, or said so by the name of the column."""
    if any(map(_PHONE.fullmatch, cells)) or all(map(_DIVIDED_CODE.fullmatch, cells)):
        return True
    if all(map(_LONG_CODE.fullmatch, cells)) and len(set(map(len, cells))) == 1 < len(cells):
        return True
    zeros = sum(bool(_LEADING_ZERO.fullmatch(cell)) for cell in cells)
    return zeros > (1 - MOSTLY) * len(cells) or (_is_name_of_codes(name) and any(map(_CODE.fullmatch, cells)))


def _is_name_of_codes(name: str) -> bool:
    return _CODE_NAME.fullmatch(_WORDS_IN_A_NAME.sub(" ", name.strip())) is not None


def _number_format(cells: Sequence[str], style: NumberStyle, *, is_proven: bool) -> ColumnFormat:
    numbers = [*filter(_compiled(style.pattern).fullmatch, cells)]
    is_whole = not any(style.decimal in cell or "e" in cell.lower() for cell in numbers) if not style.affixes else False
    units = sorted({unit_of(cell) for cell in numbers} - {""}) if style.affixes else []
    doubt = Note("The numbers have several currencies or units.") if len(units) > 1 else None
    marked = [cell for cell in numbers if "." in cell or "," in cell]
    if not is_proven and marked and all(map(_THOUSANDS_OR_DECIMALS.fullmatch, marked)):
        doubt = Note(_THOUSANDS, {"value": marked[0], "style": style.example})
    elif is_whole and all(map(_COMPACT_DATE.fullmatch, numbers)):
        doubt = Note("The numbers could also be dates, such as %(value)s.", {"value": numbers[0]})
    elif is_whole and all(map(_SECONDS.fullmatch, numbers)):
        doubt = Note("The numbers could also be times, in seconds since 1970.")
    return ColumnFormat(
        kind=ValueKind.INTEGER if is_whole else ValueKind.NUMBER,
        number=style,
        unit=units[0] if len(units) == 1 else "",
        doubt=doubt,
    )


def _number_style(cells: Sequence[str], decimal: str) -> NumberStyle | None:
    styles = [style for style in number_styles() if not decimal or style.decimal == decimal]
    return _best(styles, cells)


def _date_style(cells: Sequence[str], *, day_first: bool | None) -> DateStyle | None:
    excluded = "DD/MM/YYYY" if day_first is False else "MM/DD/YYYY" if day_first else ""
    return _best([style for style in date_styles() if style.name != excluded], cells)


def _date_doubt(style: DateStyle, cells: Sequence[str], *, day_first: bool | None) -> Note | None:
    if day_first is not None or style.name != "MM/DD/YYYY":
        return None
    return Note("%(value)s was read with the month first. It could also begin with the day.", {"value": cells[0]})


def _best(styles: Sequence[Style], cells: Sequence[str]) -> Style | None:
    best, most = None, LIKELY * len(cells)
    for style in styles:
        fitting = _fitting(style.pattern, cells)
        if fitting > most or (fitting == most and best is None):
            best, most = style, fitting
        if fitting == len(cells):
            break
    return best


def _decimal_of(columns: Iterable[Sequence[str]]) -> str:
    """Return the decimal mark that most columns prove; empty if none does."""
    votes = {".": 0, ",": 0}
    for cells in columns:
        if not any("." in cell or "," in cell for cell in cells):
            continue
        fitting = {mark: _most_fitting(cells, mark) for mark in votes}
        if fitting["."] != fitting[","] and max(fitting.values()) >= LIKELY * len(cells) > 0:
            votes[max(fitting, key=lambda mark: fitting[mark])] += 1
    if votes["."] != votes[","]:
        return "." if votes["."] > votes[","] else ","
    return ""


def _most_fitting(cells: Sequence[str], decimal: str) -> int:
    patterns = [style.pattern for style in number_styles() if style.decimal == decimal]
    return max(_fitting(pattern, cells) for pattern in patterns)


def _day_first(columns: Iterable[Sequence[str]]) -> bool | None:
    """Return whether dates like 3/4/2025 begin with the day; one first number above 12 proves it. None: unknown."""
    month_first: re.Pattern[str] | None = None
    for cells in columns:
        for cell in filter(_DIVIDED_NUMBERS.search, cells):
            month_first = month_first or _compiled(next(s.pattern for s in date_styles() if s.name == "MM/DD/YYYY"))
            if match := month_first.fullmatch(cell):
                if int(match["m"]) > 12:  # noqa: PLR2004
                    return True
                if int(match["d"]) > 12:  # noqa: PLR2004
                    return False
    return None


def _fitting(pattern: str, cells: Iterable[str]) -> int:
    """Return how many cells fit. The pattern is looked up once: those of dates are long texts."""
    fits = _compiled(pattern).fullmatch
    return sum(fits(cell) is not None for cell in cells)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.ASCII)
