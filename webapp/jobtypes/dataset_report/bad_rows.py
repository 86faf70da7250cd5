"""Rows that could not be read, or only in part: the first ones by line number, all of them by count."""

from collections.abc import Callable
from dataclasses import dataclass

NAMED = 100


@dataclass(slots=True)
class _Run:
    """Lines that follow each other and have the same problem."""

    why: str
    skipped: bool
    first: int
    last: int

    def goes_on_with(self, line: int, why: str, *, skipped: bool) -> bool:
        return (line, why, skipped) == (self.last + 1, self.why, self.skipped)

    @property
    def count(self) -> int:
        return self.last - self.first + 1

    @property
    def sentence(self) -> str:
        several = self.count > 1
        where = f"Lines {self.first:,} to {self.last:,}" if several else f"Line {self.first:,}"
        skipped = "; the rows were skipped." if several else "; the row was skipped."
        return f"{where}: {self.why}{skipped if self.skipped else '.'}"


class BadRows:
    """Tells each of the first runs of lines as soon as it is over, and the number of the other rows when closed."""

    def __init__(self, warn: Callable[[str], None]) -> None:
        self._warn = warn
        self._run: _Run | None = None
        self._named = 0
        self.skipped = 0
        self.repaired = 0
        self.sentences: list[str] = []

    def skip(self, line: int, why: str) -> None:
        """Record a row that is left out of every figure."""
        self.skipped += 1
        self._record(line, why, skipped=True)

    def repair(self, line: int, why: str) -> None:
        """Record a row that counts, though not exactly as it stood in the file."""
        self.repaired += 1
        self._record(line, why, skipped=False)

    @property
    def count(self) -> int:
        """How many there are of both sorts."""
        return self.skipped + self.repaired

    def close(self) -> None:
        """Tell the last run, and how many rows were not named."""
        self._tell()
        if more := self.count - self._named:
            words = "more row has a problem like these." if more == 1 else "more rows have problems like these."
            self._warn(f"{more:,} {words}")

    def _record(self, line: int, why: str, *, skipped: bool) -> None:
        if self._run and self._run.goes_on_with(line, why, skipped=skipped):
            self._run.last = line
            return
        self._tell()
        self._run = _Run(why, skipped, line, line)

    def _tell(self) -> None:
        run, self._run = self._run, None
        if run and len(self.sentences) < NAMED:
            self._named += run.count
            self.sentences.append(run.sentence)
            self._warn(run.sentence)
