"""How many different values there are, from the smallest hashes seen (a bottom-k sketch)."""

from collections.abc import Iterable

LOWEST, HASH_SPACE = -(2**63), 2**64


class DistinctCount:
    """Exact up to ``hashes`` different values, then an estimate; the standard error is 1 / sqrt(hashes).

    Every hash below a limit is kept; when there are too many the limit goes down. Built-in `hash` of text is a
    keyed 64-bit SipHash, so nobody can write a file that fools it, and estimates differ a little between runs.
    """

    def __init__(self, hashes: int) -> None:
        self._hashes = hashes
        self._limit = LOWEST + HASH_SPACE
        self._kept: set[int] = set()

    def add(self, values: Iterable[str]) -> None:
        """Take more values, in any order, repeated or not."""
        self._kept.update(filter(self._limit.__gt__, map(hash, values)))
        if len(self._kept) > 2 * self._hashes:
            ordered = sorted(self._kept)
            self._limit = ordered[self._hashes]
            self._kept = set(ordered[: self._hashes])

    @property
    def exact(self) -> bool:
        """Whether nothing was left out yet."""
        return self._limit == LOWEST + HASH_SPACE

    def estimate(self) -> int:
        """Return the number of different values."""
        return round(len(self._kept) * HASH_SPACE / (self._limit - LOWEST))
