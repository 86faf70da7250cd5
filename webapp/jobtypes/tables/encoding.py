"""Detect the character encoding of a file in constant memory."""

import codecs
from typing import BinaryIO

BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16: its mark begins with the same two bytes
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
SAMPLE = 4096
CHUNK = 1 << 20
UTF16_ZEROS = 0.3
NAMES = {
    "utf-8-sig": "UTF-8",
    "cp1252": "Windows-1252",
    "windows-1252": "Windows-1252",
    "mac-roman": "Mac Roman",
}


def encoding_name(codec: str) -> str:
    """Return the usual name of a codec."""
    return NAMES.get(codec, codec.upper())


def encoding_of(file: BinaryIO) -> str:
    """Return the name of the codec. Reads the whole file if necessary, and rewinds it."""
    head = file.read(SAMPLE)
    file.seek(0)
    marked = next((name for mark, name in BYTE_ORDER_MARKS if head.startswith(mark)), None)
    return marked or _utf16_without_mark(head) or _utf8_or_western(file)


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


def _utf8_or_western(file: BinaryIO) -> str:
    try:
        _decode_all(file)
    except UnicodeDecodeError:
        return "cp1252"
    finally:
        file.seek(0)
    return "utf-8"


def _decode_all(file: BinaryIO) -> None:
    # A truncated last character still counts as UTF-8: it is one bad character, not another encoding.
    decoder = codecs.getincrementaldecoder("utf-8")()
    while chunk := file.read(CHUNK):
        if not chunk.isascii() or decoder.getstate()[0]:
            decoder.decode(chunk)
