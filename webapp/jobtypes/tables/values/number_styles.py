"""Numbers as people write them: decimal comma or point, marks between thousands, currencies, per cent, brackets.

A style is one regular expression that Python and RE2 (in DuckDB) read alike, so that what a sample suggests is what is
counted in the whole table.
"""

import re
from dataclasses import dataclass
from functools import cache

from babel import Locale

from webapp.jobtypes.tables.sql_text import quoted

LOCALES = ("en", "de", "fr", "sv", "de_CH")  # between them, every mark that is usual with our digits
_CODES = "USD|EUR|GBP|CHF|JPY|CNY|SEK|NOK|DKK|PLN|CZK|HUF|INR|CAD|AUD|BRL|RUB|TRY"
_CURRENCY = rf"(?:US\$|R\$|[$€£¥￥₹₽₺₩₫₴₪฿円元원]|{_CODES}|kr\.?|zł|Kč|Fr\.?)"
_BLANKS = " \u00a0\u202f"
_APOSTROPHES = "'\u2019"
_MINUS = "\u2212\u2013"  # the sign, and the dash that word processors make of a hyphen
_UNIT = re.compile(rf"{_CURRENCY}|%")


@dataclass(frozen=True, slots=True)
class NumberStyle:
    """A decimal mark and the marks between thousands; with ``affixes``, signs and units around the digits."""

    decimal: str
    groups: str = ""
    affixes: bool = False

    @property
    def pattern(self) -> str:
        """The regular expression of a whole cell. Rows of 16 digits or with zeros in front are codes."""
        digits = r"(?:0|[1-9]\d{0,14})"
        if self.groups:
            indian = r"[1-9]\d?(?:,\d{2}){1,4},\d{3}|" if self.groups == "," else ""
            digits = rf"(?:{indian}[1-9]\d{{0,2}}(?:[{self.groups}]\d{{3}}){{1,4}}|{digits})"
        number = rf"(?:{digits}(?:[{self.decimal}]\d*)?|[{self.decimal}]\d+)"
        if not self.affixes:
            return rf"[+-]?{number}(?:[eE][+-]?\d{{1,3}})?"
        blank, sign = f"[{_BLANKS}]?", f"[-+{_MINUS}]?"
        unit = rf"(?:{blank}(?:{_CURRENCY}|%))?"
        signed = rf"{sign}{blank}(?:{_CURRENCY}{blank})?{sign}{number}{unit}"
        bracketed = rf"(?:{_CURRENCY}{blank})?\({signed}\)"
        return rf"(?:{signed}|{bracketed}|(?:{_CURRENCY}{blank})?{number}{blank}[-{_MINUS}]{unit})"

    @property
    def example(self) -> str:
        """The style for people."""
        return f"1{self.groups[:1]}234{self.decimal}5"

    def sql(self, cell: str) -> str:
        """Return the expression of the number in a cell; NULL if it is none."""
        digits, sign = cell, ""
        if self.affixes:
            digits = rf"regexp_replace(regexp_replace({digits}, 'Fr\.|kr\.', ''), '[^0-9{self.decimal}]', '', 'g')"
            sign = f"CASE WHEN regexp_matches({cell}, '[({_MINUS}-]') THEN -1 ELSE 1 END * "
        elif self.groups:
            digits = f"regexp_replace({digits}, {quoted(f'[{self.groups}]')}, '', 'g')"
        if self.decimal != ".":
            digits = f"replace({digits}, '{self.decimal}', '.')"
        number = (
            f"CASE WHEN regexp_full_match({cell}, {quoted(self.pattern)}) THEN {sign}try_cast({digits} AS DOUBLE) END"
        )
        if self.affixes:
            return number
        if self == NumberStyle("."):
            number = f"CASE WHEN {_is_plain(cell)} THEN try_cast({cell} AS DOUBLE) ELSE {number} END"
        return f"nullif(nullif({number}, 'inf'::DOUBLE), '-inf'::DOUBLE)"  # of an exponent that is too large


def _is_plain(cell: str) -> str:
    """Return the condition that DuckDB reads a cell as the pattern does, which it tells in a fraction of the time."""
    beginnings = (("1", ":"), ("-1", "-:"), ("0.", "0/"), ("-0.", "-0/"))
    ranges = " OR ".join(f"{cell} >= '{low}' AND {cell} < '{high}'" for low, high in beginnings)
    return f"strlen({cell}) < 16 AND ({ranges}) AND NOT contains({cell}, '_')"


def unit_of(cell: str) -> str:
    """Return the currency or the per cent sign in a cell that is a number; empty if there is none."""
    match = _UNIT.search(cell)
    return match[0] if match else ""


@cache
def number_styles() -> tuple[NumberStyle, ...]:
    """Return every style, the plainest first: one that fits as many cells as another is taken if it comes earlier."""
    plain = [NumberStyle("."), NumberStyle(",")]
    for name in LOCALES:
        symbols = Locale.parse(name).number_symbols["latn"]
        for decimal in (symbols["decimal"], "."):
            plain += [NumberStyle(decimal, _alike(symbols["group"]))] if decimal != symbols["group"] else []
    styles = dict.fromkeys(plain)
    return (*styles, *(NumberStyle(style.decimal, style.groups, affixes=True) for style in styles))


def _alike(group: str) -> str:
    return next((marks for marks in (_BLANKS, _APOSTROPHES) if group in marks), group)
