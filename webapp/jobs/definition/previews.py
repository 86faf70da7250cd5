"""What a form shows of its input before the job starts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class TablePreview:
    """The first rows of a table, as the job would read them.

    ``facts`` say how it is read, by their names; ``kinds`` what each column holds. All words are English; pages
    translate them.
    """

    facts: Mapping[str, str]
    notes: Sequence[str]
    columns: Sequence[str]
    kinds: Sequence[str]
    rows: Sequence[Sequence[str]]
