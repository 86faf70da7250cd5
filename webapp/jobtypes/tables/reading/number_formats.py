"""Number formats of a worksheet: replace those that only look like dates, such as ``Standard`` in a German workbook."""

import re
from html import unescape

_FORMAT = re.compile(rb"""(\bformatCode=)("[^"]*"|'[^']*')""")
_NOT_CODE = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?!h+\]|m+\]|s+\])[^\]]*\]', re.IGNORECASE)
_DATE_LETTERS = frozenset("dmyhs")
_OTHER_LETTERS = frozenset("aegbp")  # AM/PM and the eras of East Asia
_PLAIN = b'"0"'
_LONGEST = 2_000  # bytes of a format; Excel allows 255 characters


def with_plain_formats(styles: bytes) -> bytes:
    """Return styles.xml in which every custom format that calamine could take for a date but is none means a number."""
    return _FORMAT.sub(lambda match: match[1] + (_PLAIN if _is_false_date(match[2]) else match[2]), styles)


def is_date_format(code: str) -> bool:
    """Return whether a format code shows numbers as dates or times."""
    letters = set(filter(str.isalpha, _NOT_CODE.sub("", code.partition(";")[0]).lower()))
    return bool(letters & _DATE_LETTERS) and letters <= _DATE_LETTERS | _OTHER_LETTERS


def _is_false_date(quoted: bytes) -> bool:
    code = unescape(quoted[1:-1][:_LONGEST].decode("utf-8", "replace"))
    return bool(_DATE_LETTERS & set(code.lower())) and not is_date_format(code)
