"""Detect the character encoding of a file: UTF-8 by reading it, all others by chardet on the lines that are not ASCII.

Why chardet: docs/decisions/063-tables-on-libraries.md. It runs in a process of its own, and only for such files.
"""

import codecs
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import BinaryIO

from webapp.jobtypes.tables.native_process import call_native

BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16: its mark begins with the same two bytes
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
SAMPLE = 4096
CHUNK = 1 << 20
UTF16_ZEROS = 0.3
EVIDENCE = 65_536  # bytes of lines that are not ASCII
CLOSE = 0.0015  # candidates this close to the best one are equally likely, and the earlier one in LEGACY is taken
SURE = 0.05
MEMORY, SECONDS = 500_000_000, 30  # of the process
FEW = 8  # bytes outside of ASCII, which prove nothing
# In the order of how common they are
LEGACY = (
    *("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257"),
    *("iso8859-2", "iso8859-7", "iso8859-9", "koi8-r", "cp866", "mac-roman", "cp850"),
    *("cp932", "gb18030", "big5", "euc-kr", "euc-jp"),
)
NAMES = {
    "utf-8-sig": "UTF-8",
    "cp932": "Shift JIS",
    "euc_kr": "EUC-KR",
    "euc_jp": "EUC-JP",
    "cp866": "DOS 866",
    "cp850": "DOS 850",
    "mac-roman": "Mac Roman",
}


@dataclass(frozen=True, slots=True)
class Encoding:
    """The name of a codec; ``is_sure`` is false if the bytes prove little."""

    codec: str
    is_sure: bool = True


def encoding_name(codec: str) -> str:
    """Return the usual name of a codec."""
    name = codecs.lookup(codec).name
    if name.startswith("cp125"):
        return f"Windows-{name[2:]}"
    return NAMES.get(name, name.upper().replace("ISO8859-", "ISO-8859-"))


def encoding_of(file: BinaryIO, chosen: str | None = None) -> Encoding:
    """Return the encoding, which a user may have chosen. Reads the whole file if necessary, and rewinds it."""
    head = file.read(SAMPLE)
    file.seek(0)
    marked = next((name for mark, name in BYTE_ORDER_MARKS if head.startswith(mark)), None)
    if chosen:
        needs_mark = chosen == "utf-16" and marked != chosen
        return Encoding((_utf16_without_mark(head) or "utf-16-le") if needs_mark else chosen)
    if codec := marked or _utf16_without_mark(head):
        return Encoding(codec)
    evidence = _evidence(file)
    file.seek(0)
    return Encoding("utf-8") if evidence is None else _legacy(evidence)


def _evidence(file: BinaryIO) -> bytes | None:
    """Return lines that are not ASCII, from where the file is not UTF-8; None if it is, but for some damaged lines."""
    decoder, begin = codecs.getincrementaldecoder("utf-8")(), 0
    try:
        while chunk := file.read(CHUNK):
            if decoder.getstate()[0] or not chunk.isascii():
                decoder.decode(chunk)
            begin += len(chunk)
    except UnicodeDecodeError:
        file.seek(begin)
        lines = (line for line in iter(partial(file.readline, EVIDENCE), b"") if not line.isascii())
        found = [*_first_of(lines, EVIDENCE)]
        return None if 2 * sum(map(_is_utf8, found)) >= len(found) else b"".join(found)
    return None


def _first_of(lines: Iterable[bytes], size: int) -> Iterator[bytes]:
    for line in lines:
        yield line
        size -= len(line)
        if size < 0:
            return


def _utf16_without_mark(head: bytes) -> str | None:
    """Western text in UTF-16 has a zero in every other byte, always on the same side."""
    half = max(1, len(head) // 2)
    even, odd = head[::2].count(0) / half, head[1::2].count(0) / half
    if odd > UTF16_ZEROS and even < odd / 10:
        return _if_lines_break(head, "utf-16-le")
    if even > UTF16_ZEROS and odd < even / 10:
        return _if_lines_break(head, "utf-16-be")
    return None


def _if_lines_break(head: bytes, codec: str) -> str | None:
    """Return the codec if the line breaks are valid in it, which those of a file with a few stray zeros are not."""
    return codec if 2 * head.decode(codec, "replace").count("\n") >= head.count(b"\n") else None


def _is_utf8(line: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(line)  # a truncated last letter is still UTF-8
    except UnicodeDecodeError:
        return False
    return True


def _legacy(evidence: bytes) -> Encoding:
    is_much = sum(byte > 127 for byte in evidence) >= FEW  # noqa: PLR2004
    if not is_much and _decodes(evidence, LEGACY[0]):
        return Encoding(LEGACY[0], is_sure=False)
    arguments = {"evidence": evidence[: 2 * EVIDENCE].decode("latin-1")}
    [[codec, is_sure]] = call_native(f"{__name__}:likeliest", arguments, memory=MEMORY, seconds=SECONDS)
    return Encoding(codec, is_sure=is_sure and is_much)


def likeliest(evidence: str) -> Iterator[tuple[str, bool]]:
    """Yield the likeliest codec of bytes, given as Latin-1, and whether it is sure; runs in a process of its own."""
    content = evidence.encode("latin-1")
    detected = import_module("chardet").detect_all(content, ignore_threshold=True, include_encodings=LEGACY)
    scores = {codecs.lookup(each["encoding"]).name: each["confidence"] for each in detected if each["encoding"]}
    best = max(scores.values(), default=0.0)
    likely = (codec for codec in LEGACY if scores.get(codecs.lookup(codec).name, -1.0) >= best - CLOSE)
    codec = next((codec for codec in likely if _decodes(content, codec)), None)
    yield codec or LEGACY[0], codec is not None and best >= SURE


def _decodes(evidence: bytes, codec: str) -> bool:
    return "\ufffd" not in evidence.decode(codec, "replace")
