"""Cells that a spreadsheet would run as a formula, made text: one rule for every table that a job writes.

What is dangerous: https://owasp.org/www-community/attacks/CSV_Injection
"""

import re

PLAIN_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
SIGNS = "=+-@＝＋－＠"  # noqa: RUF001 - the full-width forms count too
# Some programs drop what is blank or cannot be seen before they look for the sign
_FORMULA = re.compile(rf"[\s\0\ufeff\u200b-\u200f]*[{re.escape(SIGNS)}]|[\t\r\n\0]")


def neutral(cell: str) -> str:
    """Return the cell so that no spreadsheet takes it for a formula; plain numbers stay what they are."""
    if not _FORMULA.match(cell) or PLAIN_NUMBER.fullmatch(cell):
        return cell
    return "'" + cell
