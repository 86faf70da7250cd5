"""Physical lines of a text file in bounded memory: a line that never ends is skipped, not held."""

import codecs
from collections.abc import Iterator
from io import StringIO
from itertools import chain
from typing import BinaryIO

from webapp.jobtypes.dataset_report.bad_rows import BadRows
from webapp.jobtypes.tables.encoding import encoding_name

BLOCK = 64 * 1024  # bytes; a block and its rows stay in the processor's cache, which doubles the speed of parsing
LONGEST_LINE = 4 * 1024 * 1024  # characters
NUL = "\0"
REPLACEMENT = "\ufffd"


class Lines:
    """The lines with their ends, block after block; `blocks` and `bytes_read` tell how far we are."""

    def __init__(self, file: BinaryIO, encoding: str, bad_rows: BadRows) -> None:
        self._file = file
        self._decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
        self._encoding = encoding_name(encoding)
        self._bad_rows = bad_rows
        self._number = 0
        self._inside_long_line = False
        self.blocks = 0
        self.bytes_read = 0

    def __iter__(self) -> Iterator[str]:
        """Go through the lines, once."""
        return chain.from_iterable(self._complete_lines())

    def _complete_lines(self) -> Iterator[list[str]]:
        rest = ""
        for text in self._texts():
            # newline="" splits at \n, \r and \r\n only; str.splitlines would also split at U+2028 and others.
            lines = list(StringIO(rest + text, newline=""))
            # A last \r may be half of \r\n, so it waits for the next block.
            rest = lines.pop() if lines and not lines[-1].endswith("\n") else ""
            yield self._checked(lines)
            rest = self._without_long_line(rest)
        if rest:
            yield self._checked([rest])

    def _texts(self) -> Iterator[str]:
        while chunk := self._file.read(BLOCK):
            self.bytes_read += len(chunk)
            self.blocks += 1
            yield self._decoder.decode(chunk)
        yield self._decoder.decode(b"", final=True)

    def _without_long_line(self, rest: str) -> str:
        if not self._inside_long_line and len(rest) <= LONGEST_LINE:
            return rest
        if not self._inside_long_line:
            self._bad_rows.skip(self._number + 1, f"a line of more than {LONGEST_LINE:,} characters")
        self._inside_long_line = True
        return ""

    def _checked(self, lines: list[str]) -> list[str]:
        if self._inside_long_line and lines:
            lines[0] = "\n"  # keeps the numbers of the lines after it
            self._inside_long_line = False
        text = "".join(lines)
        if NUL in text or (REPLACEMENT in text):
            lines = [self._repaired(number, line) for number, line in enumerate(lines, self._number + 1)]
        self._number += len(lines)
        return lines

    def _repaired(self, number: int, line: str) -> str:
        if REPLACEMENT in line:
            self._bad_rows.repair(number, f"bytes that are not {self._encoding} are shown as {REPLACEMENT}")
        if NUL in line:
            self._bad_rows.repair(number, "NUL bytes were left out")
            return line.replace(NUL, "")
        return line
