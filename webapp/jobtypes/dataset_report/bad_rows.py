"""Rows that could not be read, or only in part: the first ones by line number, all of them by count."""

from collections.abc import Callable

NAMED = 100


class BadRows:
    """Tells each of the first rows at once, and the number of the others when closed."""

    def __init__(self, warn: Callable[[str], None]) -> None:
        self._warn = warn
        self.skipped = 0
        self.repaired = 0
        self.sentences: list[str] = []

    def skip(self, line: int, why: str) -> None:
        """Record a row that is left out of every figure."""
        self.skipped += 1
        self._tell(f"Line {line:,}: {why}; the row was skipped.")

    def repair(self, line: int, why: str) -> None:
        """Record a row that counts, though not exactly as it stood in the file."""
        self.repaired += 1
        self._tell(f"Line {line:,}: {why}.")

    @property
    def count(self) -> int:
        """How many there are of both sorts."""
        return self.skipped + self.repaired

    def close(self) -> None:
        """Say how many were not named."""
        if self.count > len(self.sentences):
            self._warn(f"{self.count - len(self.sentences):,} more rows have problems like these.")

    def _tell(self, sentence: str) -> None:
        if len(self.sentences) < NAMED:
            self.sentences.append(sentence)
            self._warn(sentence)
