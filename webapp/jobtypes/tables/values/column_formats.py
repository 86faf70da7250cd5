"""What the cells of a column mean, guessed from a sample: a kind, and the style in which its values are written."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import TypeVar

from webapp.jobtypes.tables.notes import Note
from webapp.jobtypes.tables.values.date_styles import DateStyle, date_styles
from webapp.jobtypes.tables.values.number_styles import NumberStyle, number_styles, quoted, unit_of

MOSTLY = 0.95
MOST = 1_000  # values that are compared
LIKELY = 0.8  # of a sample: the whole table decides
BOOLEANS = ("true", "false", "yes", "no", "t", "f", "y", "n", "ja", "nein", "wahr", "falsch")
_CODE_NAME = re.compile(
    r"(zip|plz|post(al)?[ _-]?(code)?|(tele)?(phone|fon)|fax|mobile?|iban|bic|isbn|ean|gtin)", re.IGNORECASE
)
_LEADING_ZERO = re.compile(r"[+-]?0\d+")
_PHONE = re.compile(r"\+\d{7,}")
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
            return f"CASE WHEN lower({cell}) IN ({', '.join(map(quoted, BOOLEANS))}) THEN 1::DOUBLE END"
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
        has_time = any(":" in cell for cell in cells)
        return ColumnFormat(
            kind=ValueKind.DATETIME if has_time else ValueKind.DATE,
            date=date,
            doubt=_date_doubt(date, cells, day_first=day_first),
        )
    if all(cell.lower() in BOOLEANS for cell in cells):
        return ColumnFormat(kind=ValueKind.BOOLEAN)
    return ColumnFormat(kind=ValueKind.TEXT)


def _are_codes(name: str, cells: Sequence[str]) -> bool:
    """Numbers in form only: with zeros in front, telephone numbers, or said so by the name of the column."""
    if any(map(_PHONE.fullmatch, cells)):
        return True
    zeros = sum(bool(_LEADING_ZERO.fullmatch(cell)) for cell in cells)
    return zeros > (1 - MOSTLY) * len(cells) or bool(_CODE_NAME.fullmatch(name.strip()))


def _number_format(cells: Sequence[str], style: NumberStyle, *, is_proven: bool) -> ColumnFormat:
    numbers = [cell for cell in cells if _fits(style.pattern, cell)]
    is_whole = not any(style.decimal in cell or "e" in cell.lower() for cell in numbers) if not style.affixes else False
    units = sorted({unit_of(cell) for cell in numbers} - {""}) if style.affixes else []
    doubt = Note("The numbers have several currencies or units.") if len(units) > 1 else None
    marked = [cell for cell in numbers if "." in cell or "," in cell]
    if not is_proven and marked and all(map(_THOUSANDS_OR_DECIMALS.fullmatch, marked)):
        doubt = Note(_THOUSANDS, {"value": marked[0], "style": style.example})
    elif is_whole and all(map(_COMPACT_DATE.fullmatch, numbers)):
        doubt = Note("The numbers could also be dates, such as %(value)s.", {"value": numbers[0]})
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
        fitting = sum(_fits(style.pattern, cell) for cell in cells)
        if fitting > most or (fitting == most and best is None):
            best, most = style, fitting
        if fitting == len(cells):
            break
    return best


def _decimal_of(columns: Iterable[Sequence[str]]) -> str:
    """Return the decimal mark that most columns prove; empty if none does."""
    votes = {".": 0, ",": 0}
    for cells in columns:
        fitting = {mark: _most_fitting(cells, mark) for mark in votes}
        if fitting["."] != fitting[","] and max(fitting.values()) >= LIKELY * len(cells) > 0:
            votes[max(fitting, key=lambda mark: fitting[mark])] += 1
    if votes["."] != votes[","]:
        return "." if votes["."] > votes[","] else ","
    return ""


def _most_fitting(cells: Sequence[str], decimal: str) -> int:
    patterns = [style.pattern for style in number_styles() if style.decimal == decimal]
    return max(sum(_fits(pattern, cell) for cell in cells) for pattern in patterns)


def _day_first(columns: Iterable[Sequence[str]]) -> bool | None:
    """Return whether dates like 3/4/2025 begin with the day; one first number above 12 proves it. None: unknown."""
    month_first = {style.name: style.pattern for style in date_styles()}["MM/DD/YYYY"]
    for cells in columns:
        for cell in cells:
            if match := _compiled(month_first).fullmatch(cell):
                if int(match["m"]) > 12:  # noqa: PLR2004
                    return True
                if int(match["d"]) > 12:  # noqa: PLR2004
                    return False
    return None


def _fits(pattern: str, cell: str) -> bool:
    return _compiled(pattern).fullmatch(cell) is not None


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.ASCII)
