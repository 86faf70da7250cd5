"""Streams uploads to disk while the request is read; they are written and hashed once and kept by a rename.

Only views that declare how many files they expect receive files, and only from signed-in users; all
other bodies are small and their files are discarded. Files that nobody kept are deleted when the
request ends.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from typing import IO, Any, TypeVar, cast

from flask import Flask, current_app
from flask_login import current_user
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge
from werkzeug.wsgi import LimitedStream

from webapp.db import resource_errors
from webapp.db.engine import release_shared_reads
from webapp.jobs.store.file_store import CHUNK, FileTooLarge, PartialFile, StorageUnavailable, StoredFile
from webapp.views.page import user_shares
from webapp.views.page.address import BoundedRequest
from webapp.views.page.request import services, signed_in
from webapp.views.text.number_format import size
from webapp.views.text.translations import gettext as _

SMALL_BODY = 1_000_000  # bytes: the limit of a form without files
_PARTS = 500  # more options than anybody selects
_PART = 250_000  # bytes of one text field
_DRAIN_SECONDS = 10  # how long to read the rest of a rejected body
_COUNT, _LIMIT, _TOTAL = "deskjob_expected_files", "deskjob_file_limit", "deskjob_total_limit"
View = TypeVar("View", bound=Callable[..., Any])


def init_app(app: Flask) -> None:
    """Install the request class. Call it after htmx-flask, which installs its own."""
    app.request_class = UploadRequest
    app.config.update(MAX_CONTENT_LENGTH=SMALL_BODY, MAX_FORM_PARTS=_PARTS, MAX_FORM_MEMORY_SIZE=_PART)


def expects_files(
    count: Callable[..., int],
    *,
    at_most: Callable[..., int | None] = lambda **_: None,
    in_total: Callable[..., int] | None = None,
) -> Callable[[View], View]:
    """Let a view receive files: ``count`` gets the view's arguments and returns the maximum number.

    ``at_most`` returns the size limit per file in bytes if it is below the general limit. ``in_total`` gets the
    general limit too (``largest``) and returns the limit of all files together.
    """

    def mark(view: View) -> View:
        setattr(view, _COUNT, count)
        setattr(view, _LIMIT, at_most)
        setattr(view, _TOTAL, in_total)
        return view

    return mark


class UploadRequest(BoundedRequest):
    """A request that streams expected files to the file store."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._drafts: list[DiskUpload] = []
        self._has_too_many_files = False

    @cached_property
    def expected_files(self) -> int:
        """How many files this request can contain."""
        view = current_app.view_functions.get(self.endpoint or "")
        count = getattr(view, _COUNT, None)
        return int(count(**self.view_args)) if count and current_user.is_authenticated else 0

    @cached_property
    def file_limit(self) -> int:
        """The size limit of one file in bytes."""
        most = services().settings.max_upload_bytes
        limit = getattr(current_app.view_functions.get(self.endpoint or ""), _LIMIT, None)
        return min(limit(**(self.view_args or {})) or most, most) if limit else most

    @cached_property
    def total_limit(self) -> int | None:
        """The size limit of all files in bytes; None if only each file has one."""
        limit = getattr(current_app.view_functions.get(self.endpoint or ""), _TOTAL, None)
        return int(limit(**(self.view_args or {}), largest=services().settings.max_upload_bytes)) if limit else None

    def close(self) -> None:
        """Delete files that were not kept. Flask calls this at the end of every request."""
        for draft in self._drafts:
            draft.close()
        super().close()

    def _load_form_data(self) -> None:
        if "form" in self.__dict__:
            return
        with self._share():
            self._read_form_data()

    @contextmanager
    def _share(self) -> Iterator[None]:
        """Count an upload for its user; end the request with 503 if the user sends enough of them already."""
        if not self.expected_files or 0 <= (self.content_length or -1) <= SMALL_BODY:
            yield
            return
        with user_shares.uploads.counting(signed_in().id) as count:
            limit = user_shares.uploads.limit
            if count > limit:
                if count <= limit + limit // 2:  # a browser that sends still more gets no page
                    self._drain()
                raise user_shares.busy(_("You are uploading too many files at once. Wait until one is complete."))
            yield

    def _read_form_data(self) -> None:
        if self.expected_files:
            files = self.expected_files * self.file_limit if self.total_limit is None else self.total_limit
            self.max_content_length = files + SMALL_BODY
            release_shared_reads()  # an upload can take hours
        try:
            super()._load_form_data()
        except (RequestEntityTooLarge, FileTooLarge) as error:
            self.close()
            self._drain()
            raise RequestEntityTooLarge(self._too_large(one=isinstance(error, FileTooLarge))) from None
        except OSError as error:
            self.close()
            if resource_errors.disk_is_full(error) or isinstance(error, StorageUnavailable):
                self._drain()
            raise
        for parts in ("form", "files"):
            self.__dict__[parts] = self._named(self.__dict__[parts])

    def _named(self, parts: Any) -> Any:
        """Drop parts without a name: they belong to no field, and Flask-WTF fails on them."""
        if None not in parts:
            return parts
        return self.parameter_storage_class(
            [(name, part) for name, part in parts.items(multi=True) if name is not None]
        )

    def _get_file_stream(self, filename: str | None = None, **_: Any) -> IO[bytes]:
        """Return where to write a file; browsers send an empty name if none was chosen."""
        if not filename or not self.expected_files:
            return cast(IO[bytes], DiscardedUpload())
        if len(self._drafts) >= self.expected_files:
            self._has_too_many_files = True
            raise RequestEntityTooLarge
        self._drafts.append(DiskUpload(services().files.new_file(self.file_limit)))
        return cast(IO[bytes], self._drafts[-1])

    def _drain(self) -> None:
        """Read the rest of the body: a browser shows the response only after sending everything."""
        until = time.monotonic() + _DRAIN_SECONDS
        with suppress(OSError, ClientDisconnected):
            while self.expected_files and time.monotonic() < until and self._rest().read(CHUNK):
                pass

    def _rest(self) -> IO[bytes]:
        """Return the unread rest of the body, limited to the announced length."""
        source: IO[bytes] = self.environ["wsgi.input"]
        if not self.environ.get("wsgi.input_terminated"):
            source = self.__dict__.setdefault("stream", LimitedStream(source, self.content_length or 0))
        return source

    def _too_large(self, *, one: bool) -> str:
        """Return the sentence of the error page; ``one`` file was too large, or everything together."""
        if not self.expected_files:
            limit = size(self.max_content_length or SMALL_BODY)
            return _("The request is larger than the limit of %(limit)s.", limit=limit)
        if self._has_too_many_files:
            return _("The form has more files than it can take. Go back and choose fewer.")
        if self.total_limit is not None and self.expected_files > 1 and not one:
            limit = size(self.total_limit)
            return _(
                "The files are larger than the limit of %(limit)s in total. Go back and choose fewer.", limit=limit
            )
        limit = size(self.file_limit)
        return _(
            "The file is larger than the limit of %(limit)s. Go back and choose a smaller file.",
            limit=limit,
        )


class DiskUpload:
    """A file that is being received; it is deleted unless `keep` is called."""

    def __init__(self, draft: PartialFile) -> None:
        self._draft = draft

    @property
    def size(self) -> int:
        """The number of bytes received so far."""
        return self._draft.size

    def write(self, data: bytes) -> int:
        """Write a chunk; raise `FileTooLarge` above the limit."""
        return self._draft.write(data)

    def seek(self, *_: int) -> int:
        """Do nothing; the file is not read here."""
        return 0

    def keep(self, name: str) -> StoredFile:
        """Keep the file; its media type is guessed from the name."""
        return self._draft.keep(name)

    def close(self) -> None:
        """Delete the file unless it was kept."""
        self._draft.discard()


class DiscardedUpload:
    """Discards an unexpected file."""

    size = 0

    def write(self, data: bytes) -> int:
        """Discard the chunk."""
        return len(data)

    def seek(self, *_: int) -> int:
        """Do nothing."""
        return 0

    def close(self) -> None:
        """Do nothing."""
