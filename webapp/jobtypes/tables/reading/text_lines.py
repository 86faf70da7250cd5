"""Read the lines of a file in constant memory, in any encoding; a very long line is skipped."""

import codecs
from collections.abc import Iterator
from io import StringIO
from typing import BinaryIO

from webapp.jobtypes.tables.notes import Note
from webapp.jobtypes.tables.reading.encoding import encoding_name
from webapp.jobtypes.tables.reading.row_problems import RowProblems

BLOCK = 256 * 1024  # bytes
LONGEST_LINE = 4 * 1024 * 1024  # characters
NUL = "\0"
REPLACEMENT = "\ufffd"
_LONG = "a line of more than %(count)s characters"
_REPLACED = "bytes that are not %(encoding)s are shown as %(mark)s"
_MARK = "\ufeff"


class LineReader:
    """Reads blocks of complete lines with their line breaks; `bytes_read` is the position in the file."""

    def __init__(self, file: BinaryIO, encoding: str, problems: RowProblems) -> None:
        self._file = file
        self._decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
        self._encoding = encoding_name(encoding)
        self._problems = problems
        self._number = 0
        self._inside_long_line = False
        self.bytes_read = 0

    def blocks(self) -> Iterator[str]:
        """Yield the text, once; each block ends with a line."""
        rest = ""
        for text in self._texts():
            joined = rest + text
            # A last \r may be half of \r\n, so only \n ends a block.
            end = joined.rfind("\n") + 1
            rest = joined[end:]
            if end:
                yield self._checked(joined[:end])
            rest = self._without_long_line(rest)
        if rest:
            yield self._checked(rest)

    def _texts(self) -> Iterator[str]:
        is_first = True
        while chunk := self._file.read(BLOCK):
            self.bytes_read += len(chunk)
            text = self._decoder.decode(chunk)
            yield text.lstrip(_MARK) if is_first else text  # some programs write the mark twice
            is_first = is_first and not text
        yield self._decoder.decode(b"", final=True)

    def _without_long_line(self, rest: str) -> str:
        if not self._inside_long_line and len(rest) <= LONGEST_LINE:
            return rest
        if not self._inside_long_line:
            self._problems.skip(self._number + 1, Note(_LONG, {"count": LONGEST_LINE}))
        self._inside_long_line = True
        return ""

    def _checked(self, block: str) -> str:
        if self._inside_long_line:
            block = block[block.find("\n") :]  # the break of the skipped line keeps the numbers of those after it
            self._inside_long_line = False
        if NUL in block or REPLACEMENT in block:
            lines = split_lines(block)
            block = "".join(self._repaired(number, line) for number, line in enumerate(lines, self._number + 1))
        self._number += block.count("\n") if "\r" not in block else len(split_lines(block))
        return block

    def _repaired(self, number: int, line: str) -> str:
        if REPLACEMENT in line:
            self._problems.repair(number, Note(_REPLACED, {"encoding": self._encoding, "mark": REPLACEMENT}))
        if NUL in line:
            self._problems.repair(number, Note("NUL bytes were removed"))
            return line.replace(NUL, "")
        return line


def split_lines(text: str) -> list[str]:
    r"""Return the lines with their breaks: \n, \r and \r\n only; `str.splitlines` also splits at U+2028 and others."""
    return list(StringIO(text, newline=""))
