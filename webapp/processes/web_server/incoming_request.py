"""The bytes of one request, collected until a thread can serve it without waiting for its client. Pure.

Only the place where the request ends is looked for here; the server's parser decides what is a valid request. So a
malformed request counts as complete, and the parser rejects it.
"""

import re
from enum import Enum

from webapp.views.forms.streaming_uploads import SMALL_BODY

BODY_LIMIT = SMALL_BODY + 64 * 1024  # bytes: a larger body is not collected; with room for the framing of chunks
HEAD_SECONDS = BODY_SECONDS = 20.0  # to send the head, and the body of a small form
LOWEST_RATE = 4 * 1024  # bytes per second: a larger body has more time
_HEAD_LIMIT = 1_000_000  # bytes: more than the parser accepts, which answers 431
_SIZE_LINE_LIMIT, _TRAILER_LIMIT = 256, 16 * 1024  # bytes, of a chunked body
_END_OF_HEAD = b"\r\n\r\n"
_find_length = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,18})[ \t]*\r\n", re.IGNORECASE).search
_find_transfer_encoding = re.compile(rb"\r\ntransfer-encoding:", re.IGNORECASE).search
_find_poll = re.compile(rb"\r\nx-poll:[ \t]*1[ \t]*\r\n", re.IGNORECASE).search
_find_expectation = re.compile(rb"\r\nexpect:[ \t]*100-continue", re.IGNORECASE).search
_is_chunk_size = re.compile(rb"[0-9a-fA-F]{1,15}").fullmatch


class Arrival(Enum):
    """How much of a request has arrived; ``LARGE``: the head, of a request whose body is too large to collect."""

    NOTHING = "nothing"
    PART_OF_HEAD = "part of head"
    PART_OF_BODY = "part of body"
    COMPLETE = "complete"
    LARGE = "large"


class IncomingRequest:
    """Collects the bytes of a request; bytes after its end belong to the next one."""

    def __init__(self) -> None:
        self.arrival = Arrival.NOTHING
        self._bytes = bytearray()
        self._searched = 0  # up to here there is no end of the head
        self._body_start = 0
        self._length = 0
        self._chunks: _ChunkScan | None = None

    @property
    def size(self) -> int:
        """The number of bytes collected so far."""
        return len(self._bytes)

    @property
    def seconds(self) -> float:
        """How long the client may take for what has not arrived, from the arrival of the first byte."""
        if self.arrival is not Arrival.PART_OF_BODY:
            return HEAD_SECONDS
        return HEAD_SECONDS + BODY_SECONDS + (BODY_LIMIT if self._chunks else self._length) / LOWEST_RATE

    @property
    def waits_for_continue(self) -> bool:
        """Whether the client sends the body only after "100 Continue"."""
        return (
            self.arrival is Arrival.PART_OF_BODY
            and len(self._bytes) == self._body_start
            and _find_expectation(self._bytes, 0, self._body_start) is not None
        )

    @property
    def is_poll(self) -> bool:
        """Whether an open page sent it to refresh itself: nobody waits for the response."""
        return _find_poll(self._bytes, 0, self._body_start) is not None

    def feed(self, data: bytes) -> Arrival:
        """Add bytes that have arrived; return how much is there now."""
        if not self._bytes:
            data = data.lstrip(b"\r\n")  # some clients send an empty line after a body
        self._bytes += data
        if not self._body_start:
            self._find_body()
        self.arrival = self._arrival()
        return self.arrival

    def take(self) -> bytes:
        """Return everything that was collected."""
        taken, self._bytes = bytes(self._bytes), bytearray()
        return taken

    def _find_body(self) -> None:
        end = self._bytes.find(_END_OF_HEAD, max(0, self._searched - len(_END_OF_HEAD) + 1))
        self._searched = len(self._bytes)
        if end < 0:
            return
        self._body_start = end + len(_END_OF_HEAD)
        head = bytes(self._bytes[: self._body_start])
        if _find_transfer_encoding(head):
            self._chunks = _ChunkScan(self._body_start)
        elif found := _find_length(head):
            self._length = int(found[1])

    def _arrival(self) -> Arrival:
        if not self._bytes:
            return Arrival.NOTHING
        if not self._body_start:
            if len(self._bytes) <= _HEAD_LIMIT:
                return Arrival.PART_OF_HEAD
            self._bytes += _END_OF_HEAD  # so that the parser does not wait for it
            return Arrival.COMPLETE
        if self._length > BODY_LIMIT:
            return Arrival.LARGE
        if self._chunks is None:
            has_ended = len(self._bytes) >= self._body_start + self._length
        else:
            has_ended = self._chunks.has_ended(self._bytes)
        if has_ended:
            return Arrival.COMPLETE
        return Arrival.PART_OF_BODY if len(self._bytes) <= self._body_start + BODY_LIMIT else Arrival.LARGE


class _ChunkScan:
    """Looks for the end of a chunked body while it arrives."""

    def __init__(self, start: int) -> None:
        self._next = start  # where the next size line starts

    def has_ended(self, data: bytearray) -> bool:
        """Tell whether the last chunk and the trailers are there, or something that is no chunk."""
        while (end := data.find(b"\r\n", self._next)) >= 0:
            size = bytes(data[self._next : end]).partition(b";")[0].strip(b" \t")
            if not _is_chunk_size(size):
                return True
            if not int(size, 16):
                return data.find(b"\r\n\r\n", end) >= 0 or len(data) - end > _TRAILER_LIMIT
            self._next = end + 2 + int(size, 16) + 2
        return len(data) - self._next > _SIZE_LINE_LIMIT
