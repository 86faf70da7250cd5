"""The precision of each column's statistics, so that all columns together stay within a memory budget."""

from dataclasses import dataclass

EXACT_VALUES = 250_000  # over all columns, about 170 bytes each
EXACT_CHARACTERS = 32_000_000
HASHES = 400_000
CANDIDATES = 100_000
BUFFERED_NUMBERS = 400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Precision:
    """One column's share of the memory, as the number of values that it keeps."""

    exact_values: int  # different values that are counted one by one before estimates take over
    exact_characters: int  # their length together
    hashes: int  # estimated distinct count: the standard error is about 1 / sqrt(hashes)
    candidates: int  # top values: no count is short by more than 1 / candidates of the rows
    buffer: int  # quantiles: numbers kept per level, see `Quantiles`


def precision_for(columns: int) -> Precision:
    """Divide the memory among that many columns."""
    return Precision(
        exact_values=_share(EXACT_VALUES, columns, least=16, most=10_000),
        exact_characters=_share(EXACT_CHARACTERS, columns, least=2_000, most=8_000_000),
        hashes=_share(HASHES, columns, least=32, most=4_096),
        candidates=_share(CANDIDATES, columns, least=16, most=1_024),
        buffer=_share(BUFFERED_NUMBERS, columns, least=64, most=2_048),
    )


def _share(budget: int, columns: int, *, least: int, most: int) -> int:
    return max(least, min(most, budget // max(1, columns)))
