"""Read the lines of a file in constant memory, in any encoding, as UTF-8; a very long line is skipped."""

import codecs
from collections.abc import Iterator
from io import StringIO
from itertools import count
from typing import BinaryIO

from webapp.jobs import JobError
from webapp.jobtypes.tables.notes import Note
from webapp.jobtypes.tables.reading.encoding import encoding_name
from webapp.jobtypes.tables.reading.row_problems import RowProblems

BLOCK = 256 * 1024  # bytes
LONGEST_LINE = 4 * 1024 * 1024  # bytes of UTF-8
FEWEST_ZEROS, MOST_ZEROS = 1_000, 0.2  # lines with NUL bytes in a block that is not text; their share of its bytes
REPLACEMENT = "\ufffd"
_LONG = "a line of more than %(count)s bytes"
_ZEROS = Note("NUL bytes were removed")
_REPLACED = "bytes that are not %(encoding)s are shown as %(mark)s"


class LineReader:
    """Reads blocks of complete lines with their line breaks; `bytes_read` is the position in the file."""

    def __init__(self, file: BinaryIO, encoding: str, problems: RowProblems) -> None:
        self._file = file
        self._codec = codecs.lookup(encoding).name
        self._problems = problems
        self._number = 0
        self._inside_long_line = False
        self.bytes_read = 0

    def blocks(self) -> Iterator[bytes]:
        """Yield the text in UTF-8, once; each block ends with a line."""
        rest = b""
        for content in self._contents():
            joined = rest + content
            # A last \r may be half of \r\n, so it ends no block; old files have no \n at all.
            end = joined.rfind(b"\n") + 1 or joined.rfind(b"\r", 0, -1) + 1
            rest = joined[end:]
            if end:
                yield self._checked(joined[:end])
            rest = self._without_long_line(rest)
        if rest:
            yield self._checked(rest)

    def _contents(self) -> Iterator[bytes]:
        is_utf8 = self._codec in {"utf-8", "utf-8-sig"}
        decoder = codecs.getincrementaldecoder(self._codec)(errors="replace")
        while chunk := self._file.read(BLOCK):
            self.bytes_read += len(chunk)
            yield chunk if is_utf8 else decoder.decode(chunk).encode("utf-8", "replace")
        if not is_utf8:
            yield decoder.decode(b"", final=True).encode("utf-8", "replace")

    def _without_long_line(self, rest: bytes) -> bytes:
        if not self._inside_long_line and len(rest) <= LONGEST_LINE:
            return rest
        if not self._inside_long_line:
            if not self._number:
                message = f"The first line has more than {LONGEST_LINE:,} bytes, so the file is not a table."
                raise JobError(message)
            self._problems.skip(self._number + 1, Note(_LONG, {"count": LONGEST_LINE}))
        self._inside_long_line = True
        return b""

    def _checked(self, block: bytes) -> bytes:
        if self._inside_long_line:
            block = block[block.find(b"\n") :]  # the break of the skipped line keeps the numbers of those after it
            self._inside_long_line = False
        if codecs.BOM_UTF8 in block:  # some programs write the mark twice, and copies of several files have it inside
            block = block.replace(codecs.BOM_UTF8, b"")
        if b"\0" in block or not _is_sound(block):
            lines = split_lines(block)
            if block.count(0) > MOST_ZEROS * len(block) and sum("\0" in line for line in lines) > FEWEST_ZEROS:
                message = f"The file is no text: most of the lines from line {self._number + 1:,} on have NUL bytes."
                raise JobError(message)
            block = "".join(map(self._repaired, count(self._number + 1), lines)).encode()
        self._number += number_of_lines(block)
        return block

    def _repaired(self, number: int, line: str) -> str:
        if REPLACEMENT in line:
            values = {"encoding": encoding_name(self._codec), "mark": REPLACEMENT}
            self._problems.repair(number, Note(_REPLACED, values))
        if "\0" in line:
            self._problems.repair(number, _ZEROS)
        return line.replace("\0", "")


def number_of_lines(block: bytes) -> int:
    """Return how many lines end in a block."""
    return block.count(b"\n") + (block.count(b"\r") - block.count(b"\r\n") if b"\r" in block else 0)


def split_lines(block: bytes) -> list[str]:
    r"""Return the lines with their breaks: \n, \r and \r\n only; `str.splitlines` also splits at U+2028 and others."""
    return list(StringIO(block.decode("utf-8", "replace"), newline=""))


def _is_sound(block: bytes) -> bool:
    """Whether all of the block is UTF-8, without the sign that replaces other bytes."""
    if block.isascii():
        return True
    try:
        return REPLACEMENT not in block.decode()
    except UnicodeDecodeError:
        return False
