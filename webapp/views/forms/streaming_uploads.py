"""Uploads go to disk while the request is read: hashed and written once, kept by a rename.

Only a view that says how many files it expects gets any, and only for someone who is signed in;
everywhere else bodies are small and files vanish. What nobody kept is removed when the request
ends, however it ends.

Where the bytes of an upload go while they come in, as Werkzeug's parser wants it.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from functools import cached_property
from typing import IO, Any, TypeVar, cast

from flask import Flask, current_app
from flask_login import current_user
from htmx_flask.requests import HtmxAwareRequest
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge
from werkzeug.wsgi import LimitedStream

from webapp.db import resource_errors
from webapp.jobs.store.file_store import CHUNK, FileTooLarge, PartialFile, StoredFile
from webapp.views.page.request import services
from webapp.views.text.number_format import size
from webapp.views.text.translations import gettext as _

SMALL_BODY = 1_000_000  # bytes: any form without files
_PARTS = 500  # more options than anybody ticks
_PART = 250_000  # bytes of one typed text
_PATIENCE = 10  # seconds for the rest of a body that was refused
_COUNT, _LIMIT = "deskjob_expected_files", "deskjob_file_limit"
View = TypeVar("View", bound=Callable[..., Any])


def init_app(app: Flask) -> None:
    """Read requests our way. Comes after htmx-flask, which sets a class of its own."""
    app.request_class = UploadRequest
    app.config.update(MAX_CONTENT_LENGTH=SMALL_BODY, MAX_FORM_PARTS=_PARTS, MAX_FORM_MEMORY_SIZE=_PART)


def expects_files(
    count: Callable[..., int], *, at_most: Callable[..., int | None] = lambda **_: None
) -> Callable[[View], View]:
    """Let a view receive files: ``count`` takes the view's arguments and says how many at most.

    ``at_most`` says how many bytes the largest may have, where that is less than any file may have.
    """

    def mark(view: View) -> View:
        setattr(view, _COUNT, count)
        setattr(view, _LIMIT, at_most)
        return view

    return mark


class UploadRequest(HtmxAwareRequest):  # type: ignore[misc]
    """A request that streams expected files to the store."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._drafts: list[DiskUpload] = []

    @cached_property
    def expected_files(self) -> int:
        """How many files this request may bring."""
        view = current_app.view_functions.get(self.endpoint or "")
        count = getattr(view, _COUNT, None)
        return int(count(**self.view_args)) if count and current_user.is_authenticated else 0

    @cached_property
    def file_limit(self) -> int:
        """How many bytes one file may have."""
        most = services().settings.max_upload_bytes
        limit = getattr(current_app.view_functions.get(self.endpoint or ""), _LIMIT, None)
        return min(limit(**(self.view_args or {})) or most, most) if limit else most

    def close(self) -> None:
        """Remove what was not kept. Flask calls this at the end of every request."""
        for draft in self._drafts:
            draft.close()
        super().close()

    def _load_form_data(self) -> None:
        if "form" in self.__dict__:
            return
        if self.expected_files:
            self.max_content_length = self.expected_files * self.file_limit + SMALL_BODY
        try:
            super()._load_form_data()
        except (RequestEntityTooLarge, FileTooLarge):
            self.close()
            self._hear_out()
            raise RequestEntityTooLarge(self._too_large()) from None
        except OSError as error:
            self.close()
            if resource_errors.disk_is_full(error):
                self._hear_out()
            raise
        for parts in ("form", "files"):
            self.__dict__[parts] = self._named(self.__dict__[parts])

    def _named(self, parts: Any) -> Any:
        """A part without a name is nobody's answer, and Flask-WTF breaks on it."""
        if None not in parts:
            return parts
        return self.parameter_storage_class(
            [(name, part) for name, part in parts.items(multi=True) if name is not None]
        )

    def _get_file_stream(self, filename: str | None = None, **_: Any) -> IO[bytes]:
        """Only a file that was chosen has a name."""
        if not filename or not self.expected_files:
            return cast(IO[bytes], DiscardedUpload())
        if len(self._drafts) >= self.expected_files:
            raise RequestEntityTooLarge
        self._drafts.append(DiskUpload(services().files.new_file(self.file_limit)))
        return cast(IO[bytes], self._drafts[-1])

    def _hear_out(self) -> None:
        """A browser shows our answer only once it has sent all; else it says "connection reset"."""
        until = time.monotonic() + _PATIENCE
        with suppress(OSError, ClientDisconnected):
            while self.expected_files and time.monotonic() < until and self._rest().read(CHUNK):
                pass

    def _rest(self) -> IO[bytes]:
        """What the browser still sends; never more than it said it would."""
        source: IO[bytes] = self.environ["wsgi.input"]
        if not self.environ.get("wsgi.input_terminated"):
            source = self.__dict__.setdefault("stream", LimitedStream(source, self.content_length or 0))
        return source

    def _too_large(self) -> str:
        if not self.expected_files:
            limit = size(self.max_content_length or SMALL_BODY)
            return _("The request is larger than the limit of %(limit)s.", limit=limit)
        limit = size(self.file_limit)
        return _(
            "The file is larger than the limit of %(limit)s. Go back and choose a smaller file.",
            limit=limit,
        )


class DiskUpload:
    """A file while it comes in; `keep` makes it last."""

    def __init__(self, draft: PartialFile) -> None:
        self._draft = draft

    @property
    def size(self) -> int:
        """How many bytes have come so far."""
        return self._draft.size

    def write(self, data: bytes) -> int:
        """Take more; `FileTooLarge` ends it."""
        return self._draft.write(data)

    def seek(self, *_: int) -> int:
        """Do nothing: nobody reads it here."""
        return 0

    def keep(self, name: str) -> StoredFile:
        """Make it a whole file; its type is guessed from the name, never believed."""
        return self._draft.keep(name)

    def close(self) -> None:
        """Remove it unless it was kept."""
        self._draft.discard()


class DiscardedUpload:
    """Takes the bytes of a file that nobody expects."""

    size = 0

    def write(self, data: bytes) -> int:
        """Forget them."""
        return len(data)

    def seek(self, *_: int) -> int:
        """Do nothing."""
        return 0

    def close(self) -> None:
        """Do nothing."""
