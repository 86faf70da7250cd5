"""Detect the delimiter of a CSV file from its first lines."""

import csv
import re
from collections import Counter
from collections.abc import Sequence

CANDIDATES = (",", ";", "\t", "|")
NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
DECLARED = re.compile(r'"?sep=(.)"?\s*$')  # the first line of some files that Excel wrote


def delimiter_of(lines: Sequence[str]) -> str:
    """Return the candidate that splits most lines into the same, largest number of fields; else a comma."""
    declared = declared_delimiter(lines[0]) if lines else None
    return declared or max(CANDIDATES, key=lambda candidate: _score(lines, candidate))


def declared_delimiter(line: str) -> str | None:
    """Return the delimiter of a line such as ``sep=;``, which is not a row."""
    match = DECLARED.match(line)
    return match[1] if match else None


def _score(lines: Sequence[str], delimiter: str) -> tuple[float, int]:
    try:
        widths = Counter(len(row) for row in csv.reader(lines, delimiter=delimiter) if row)
    except csv.Error:
        return 0.0, 0
    if not widths:
        return 0.0, 0
    width, rows = widths.most_common(1)[0]
    return (rows / widths.total() if width > 1 else 0.0), width
