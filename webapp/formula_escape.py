"""Escape cells that a spreadsheet would run as a formula, in every table that a job writes.

See https://owasp.org/www-community/attacks/CSV_Injection
"""

import re

PLAIN_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
SIGNS = "=+-@＝＋－＠"  # noqa: RUF001 - the full-width forms count too
# Some programs ignore blank and invisible characters before the sign
_FORMULA = re.compile(rf"[\s\0\ufeff\u200b-\u200f]*[{re.escape(SIGNS)}]|[\t\r\n\0]")


def neutral(cell: str) -> str:
    """Return the cell, with an apostrophe in front if it is a formula; plain numbers stay unchanged."""
    if not _FORMULA.match(cell) or PLAIN_NUMBER.fullmatch(cell):
        return cell
    return "'" + cell


def without_escape(cell: str) -> str:
    """Return the cell without the apostrophe that `neutral` has put before it."""
    return cell[1:] if cell.startswith("'") and neutral(cell[1:]) == cell else cell
