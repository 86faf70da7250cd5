"""The lines of a job's output, made of bytes as they arrive, and bounded. Pure."""

from collections.abc import Callable

MAX_LINES = 10_000  # of one attempt
MAX_BYTES = 1024 * 1024  # of one attempt
LINE_BYTES = 64 * 1024  # of one line; the log shows less of it
FULL = "The output is too long for this log. The rest is dropped."
_KIB = 1024


class OutputLines:
    """Passes lines to ``add`` until there are too many; `end` says how many were dropped."""

    def __init__(self, add: Callable[[str], None]) -> None:
        self._add = add
        self._begun = b""  # a line whose end has not arrived yet
        self._in_long_line = False  # whose beginning was taken; the rest is dropped
        self._lines = self._bytes = 0
        self._dropped_lines = self._dropped_bytes = 0

    @property
    def is_full(self) -> bool:
        """Whether further lines are only counted."""
        return self._lines >= MAX_LINES or self._bytes >= MAX_BYTES

    @property
    def has_begun_line(self) -> bool:
        """Whether an unfinished line can be shown already; a progress bar, which rewrites its line, cannot."""
        return bool(self._begun) and b"\r" not in self._begun

    def feed(self, data: bytes) -> None:
        """Take output in pieces that begin and end anywhere."""
        if self.is_full:
            self._drop(data)
            return
        *lines, begun = (self._begun + data).split(b"\n")
        self._begun = b""
        for line in lines:
            self._take(line)
        self._begin(begun)

    def add_text(self, text: str) -> None:
        """Take a whole text, after the lines before it."""
        self.end_line()
        if self.is_full:
            self._drop(text.encode(errors="replace") + b"\n")
        else:
            self._count_and_add(text, len(text))

    def end_line(self) -> None:
        """Take the line that has begun, without its end."""
        if self._begun:
            line, self._begun = self._begun, b""
            self._take(line)

    def end(self) -> str | None:
        """Take the last line; return a sentence about what was dropped, if anything was."""
        self.end_line()
        if not self._dropped_bytes:
            return None
        size = f"{max(1, round(self._dropped_bytes / _KIB)):,} KiB"
        return f"Output that was too long for this log was dropped: {self._dropped_lines:,} lines, {size}."

    def _begin(self, line: bytes) -> None:
        if self._in_long_line or self.is_full:
            self._drop(line)
            return
        if len(line) > LINE_BYTES and b"\r" in line.rstrip(b"\r"):
            line = line[line.rstrip(b"\r").rfind(b"\r") + 1 :]  # what a progress bar shows now
        self._begun = line
        if len(line) > LINE_BYTES:
            self.end_line()
            self._in_long_line = True

    def _take(self, line: bytes) -> None:
        if self._in_long_line:
            self._in_long_line = False
            self._drop(line)
        elif self.is_full:
            self._drop(line + b"\n")
        else:
            self._count_and_add(line.removesuffix(b"\r").decode(errors="replace"), len(line))

    def _count_and_add(self, text: str, size: int) -> None:
        self._lines += 1
        self._bytes += size + 1
        self._add(text)

    def _drop(self, data: bytes) -> None:
        if data and self.is_full and not self._dropped_bytes:
            self._add(FULL)
        self._dropped_lines += data.count(b"\n")
        self._dropped_bytes += len(data)
