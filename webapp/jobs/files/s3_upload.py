"""A file that is sent to an object storage while it is written, with constant memory.

A small file is sent when it is complete. A larger one is sent in parts by a thread meanwhile; the server shows the
object when all of them have arrived, and an upload that is given up is aborted.
"""

from collections.abc import Iterator
from queue import Empty, Full, Queue
from threading import Thread
from uuid import UUID

from webapp.jobs.files.s3_client import PART, S3Client
from webapp.jobs.store.file_store import PartialFile
from webapp.os_process import release_free_memory

_PIECE = 1024 * 1024  # bytes that are handed to the thread at once
_PIECES = 4  # that wait for it
_LOOK_SECONDS = 0.5  # after which a wait for the other side notices that it has ended


class S3Upload(PartialFile):
    """A file in an object storage that is being written."""

    def __init__(self, client: S3Client, key: str, limit: int | None, file_id: UUID) -> None:
        super().__init__(limit, file_id)
        self._client, self._key = client, key
        self._buffer = bytearray()
        self._sender: _Sender | None = None
        self._kept = False

    def discard(self) -> None:
        """Abort the upload unless the file was kept."""
        self._buffer.clear()
        if self._sender and not self._kept:
            self._sender.abort()
        self._sender = None

    def _append(self, data: bytes) -> None:
        self._buffer += data
        if self._sender is None and len(self._buffer) > PART:
            self._sender = _Sender(self._client, self._key)
        if self._sender and len(self._buffer) >= _PIECE:
            self._hand_over(self._sender)

    def _complete(self) -> None:
        if self._sender:
            self._hand_over(self._sender)
            self._sender.finish()
        else:
            self._client.put(self._key, bytes(self._buffer))
        self._kept = True

    def _hand_over(self, sender: "_Sender") -> None:
        sender.send(bytes(self._buffer))
        self._buffer.clear()


class _Aborted(Exception):
    """Raised in the thread, so that obstore aborts the upload."""


class _Sender:
    """The thread of one upload."""

    def __init__(self, client: S3Client, key: str) -> None:
        self._pieces: Queue[bytes | None] = Queue(_PIECES)
        self._error: BaseException | None = None
        self._is_aborted = False
        self._thread = Thread(target=self._run, args=(client, key), name="upload to S3", daemon=True)
        self._thread.start()

    def send(self, piece: bytes | None) -> None:
        """Hand over the next bytes, or None at the end; raise what has ended the upload."""
        while True:
            if not self._thread.is_alive():
                self._raise()
            try:
                self._pieces.put(piece, timeout=_LOOK_SECONDS)
            except Full:
                continue
            return

    def finish(self) -> None:
        """Wait until the object is complete; raise what has ended the upload."""
        self.send(None)
        self._end()
        self._raise()

    def abort(self) -> None:
        """End the upload; the server deletes its parts."""
        self._is_aborted = True
        self._end()

    def _end(self) -> None:
        self._thread.join()
        self._pieces = Queue()  # drops what an aborted upload has not sent
        release_free_memory()  # the parts were allocated and freed by several threads

    def _run(self, client: S3Client, key: str) -> None:
        try:
            client.put(key, self._content())
        except _Aborted:
            pass
        except BaseException as error:  # noqa: BLE001  (raised in the thread that writes)
            self._error = error

    def _content(self) -> Iterator[bytes]:
        while True:
            try:
                piece = self._pieces.get(timeout=_LOOK_SECONDS)
            except Empty:
                piece = b""
            if self._is_aborted:
                raise _Aborted
            if piece is None:
                return
            if piece:
                yield piece

    def _raise(self) -> None:
        if self._error:
            raise self._error
