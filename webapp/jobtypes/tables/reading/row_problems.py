"""Rows with problems: counted, and named with their lines in warnings."""

from collections.abc import Callable

from webapp.jobs import JobError
from webapp.jobtypes.tables.notes import Note

NAMED = 100
PROBED = 1_000_000  # bytes after which the rows so far tell whether the rest is worth reading
FEWEST_SKIPPED, MOST_SKIPPED = 10, 0.9


class RowProblems:
    """Counts rows with problems, and warns about the first ones with their line numbers."""

    def __init__(self, warn: Callable[[str], None]) -> None:
        self._warn = warn
        self._run: tuple[Note, bool] | None = None  # the problem of consecutive lines, and whether they are skipped
        self._first = self._last = 0
        self._named = 0
        self.skipped = 0
        self.repaired = 0
        self.sentences: list[Note] = []

    def skip(self, line: int, why: Note) -> None:
        """Record a row that is skipped."""
        self.skipped += 1
        self._record(line, why, skipped=True)

    def repair(self, line: int, why: Note) -> None:
        """Record a row that was changed to make it readable."""
        self.repaired += 1
        self._record(line, why, skipped=False)

    @property
    def count(self) -> int:
        """The number of skipped and repaired rows."""
        return self.skipped + self.repaired

    def refuse_no_table(self, kept: int, size: int) -> None:
        """Raise `JobError` if hardly any of the rows in the first ``size`` bytes were ``kept``."""
        rows = kept + self.skipped
        if size >= PROBED and self.skipped >= FEWEST_SKIPPED and self.skipped > MOST_SKIPPED * rows:
            self.close()
            why = self.sentences[0]
            message = f"{self.skipped:,} of the first {rows:,} rows were skipped, so the file is not a table. {why}"
            raise JobError(message)

    def close(self) -> None:
        """Warn about the last lines, and about the number of rows without their own warning."""
        self._tell()
        if more := self.count - self._named:
            words = "more row has similar problems." if more == 1 else "more rows have similar problems."
            self._warn(f"{more:,} {words}")

    def _record(self, line: int, why: Note, *, skipped: bool) -> None:
        if self._run != (why, skipped) or line != self._last + 1:
            self._tell()
            self._run, self._first = (why, skipped), line
        self._last = line

    def _tell(self) -> None:
        run, self._run = self._run, None
        if run and len(self.sentences) < NAMED:
            self._named += self._last - self._first + 1
            self.sentences.append(_sentence(*run, self._first, self._last))
            self._warn(str(self.sentences[-1]))


def _sentence(why: Note, skipped: bool, first: int, last: int) -> Note:  # noqa: FBT001
    if first == last:
        text = "Line %(line)s: %(why)s; the row was skipped." if skipped else "Line %(line)s: %(why)s."
        return Note(text, {"line": first, "why": why})
    text = "Lines %(count)s to %(left)s: %(why)s" + ("; the rows were skipped." if skipped else ".")
    return Note(text, {"count": first, "left": last, "why": why})
