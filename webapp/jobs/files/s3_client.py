"""Requests to one bucket, by obstore, with errors as sentences.

obstore is imported and connected at the first request. Its threads do not survive a fork, and a request in a child
would wait for ever. So a process that forks others sends none: `up`, the parent of web processes, a pool, a worker. Web
processes, work-horses and commands do.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from webapp.config import BadSettingError, S3Settings
from webapp.jobs.files.s3_errors import storage_error
from webapp.jobs.store.file_store import StorageUnavailable

if TYPE_CHECKING:
    from obstore.store import S3Store

PART = 8 * 1024 * 1024  # bytes: S3 takes 10,000 parts, so a file can have 80 GB
_PARTS_AT_ONCE = 2
_CONNECT_SECONDS = 3
_READ_SECONDS = 10  # without a byte from the server
_WRITE_SECONDS = 60  # for one part and its answer
_RETRY_SECONDS = 3  # that a page waits for a server that is away; a job waits longer
_LISTED = 1000  # objects in one answer
_FORKED = (
    "This process was forked from one that had used the file storage, so it cannot use it. "
    "Start processes with another method than fork, or let them use files first."
)
_MISSING_EXTRA = "DESKJOB_STORAGE_URL needs a further package: pip install 'deskjob[s3]'."


@dataclass(frozen=True, slots=True)
class S3Object:
    """An object as the server lists it; ``key`` is below the prefix of the installation."""

    key: str
    size: int
    modified_at: datetime


class _FirstUse:
    """The process in which obstore has started its threads."""

    pid = 0


class S3Client:
    """The objects below one prefix of a bucket. Every method raises `StorageUnavailable`."""

    def __init__(self, settings: S3Settings, *, retry_seconds: float = _RETRY_SECONDS) -> None:
        self.bucket = settings.bucket
        self._settings = settings
        self.retry_seconds = retry_seconds

    def put(self, key: str, content: bytes | bytearray | Iterable[bytes]) -> None:
        """Write an object, whole or not at all; what is iterated over is sent in parts meanwhile."""
        with self._sentences():
            self._writer.put(
                key,
                content,
                use_multipart=not isinstance(content, bytes | bytearray),
                chunk_size=PART,
                max_concurrency=_PARTS_AT_ONCE,
            )

    def find(self, key: str) -> S3Object:
        """Return what the server knows of an object; raise ``FileNotFoundError``."""
        try:
            with self._sentences():
                found = self._reader.head(key)
        except FileNotFoundError:
            self.check()  # the answer to HEAD is the same without a bucket
            raise
        return S3Object(key, found["size"], found["last_modified"])

    def read(self, key: str, start: int, chunk: int) -> Iterator[bytes]:
        """Yield an object from ``start`` on, at least ``chunk`` bytes at once; raise ``FileNotFoundError``."""
        with self._sentences():
            stream = iter(self._reader.get(key, options={"range": {"offset": start}}).stream(chunk))
        while True:
            with self._sentences():
                data = next(stream, None)
            if data is None:
                return
            yield data

    def copy(self, source: str, target: str) -> None:
        """Let the server copy an object of at most 5 GB; raise ``FileNotFoundError``."""
        with self._sentences():
            self._writer.copy(source, target)

    def delete(self, key: str) -> None:
        """Delete an object, if it exists."""
        with self._sentences():
            self._writer.delete(key)

    def list(self, prefix: str = "") -> Iterator[S3Object]:
        """Yield the objects below a folder, ordered by their keys."""
        with self._sentences():
            pages = iter(self._reader.list(prefix or None, chunk_size=_LISTED))
        while True:
            with self._sentences():
                page = next(pages, None)
            if page is None:
                return
            for found in page:
                yield S3Object(found["path"], found["size"], found["last_modified"])

    def check(self) -> None:
        """Raise `StorageUnavailable` if the bucket cannot be read."""
        for _ in self.list("check"):
            break

    @cached_property
    def _reader(self) -> "S3Store":
        return self._store(read_seconds=_READ_SECONDS)

    @cached_property
    def _writer(self) -> "S3Store":
        return self._store(read_seconds=_WRITE_SECONDS)

    def _store(self, read_seconds: float) -> "S3Store":
        try:
            from obstore.store import S3Store  # noqa: PLC0415  (an extra, and only processes with files load it)
        except ImportError:
            raise BadSettingError(_MISSING_EXTRA) from None
        settings = self._settings
        given: dict[str, Any] = {
            "endpoint": settings.endpoint,
            "region": settings.region,
            "access_key_id": settings.access_key,
            "secret_access_key": settings.secret_key,
        }
        return S3Store(
            settings.bucket,
            prefix=settings.prefix or None,
            config={name: value for name, value in given.items() if value},  # type: ignore[arg-type]
            client_options={
                "allow_http": settings.endpoint.startswith("http://"),
                "connect_timeout": timedelta(seconds=_CONNECT_SECONDS),
                "read_timeout": timedelta(seconds=read_seconds),
                "timeout": timedelta(days=1),  # a download takes as long as its client
            },
            retry_config={
                "retry_timeout": timedelta(seconds=self.retry_seconds),
                "backoff": {"max_backoff": timedelta(seconds=1)},
            },
        )

    @contextmanager
    def _sentences(self) -> Iterator[None]:
        from obstore.exceptions import BaseError  # noqa: PLC0415  (as in `_store`)

        _FirstUse.pid = _FirstUse.pid or os.getpid()
        if _FirstUse.pid != os.getpid():
            raise StorageUnavailable(_FORKED)
        try:
            yield
        except (BaseError, FileNotFoundError) as error:
            raise storage_error(error, self.bucket) from error
