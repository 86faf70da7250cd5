"""The share of one user in what a process does only a few times at once: read uploads, send archives and stored files.

Each of them holds memory, connections to other servers or a thread for as long as the client of the user takes. Without
a share, one user could hold them all.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from uuid import UUID

from flask import Response
from werkzeug.exceptions import ServiceUnavailable

from webapp.views.page.request import signed_in
from webapp.views.text.translations import gettext as _

UPLOADS_OF_A_USER, STREAMS_OF_A_USER = 8, 4  # at once, in one process
_STORED_FILES_OF_A_USER = 32  # each needs at most about 2 MiB, and a page can have as many pictures
_PAUSE_SECONDS = 10  # after which a client can try again


class UserShare:
    """Counts what each user does at the moment."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._counts: Counter[UUID] = Counter()
        self._lock = Lock()

    @contextmanager
    def counting(self, user_id: UUID) -> Iterator[int]:
        """Count one more while the block runs; yield how many there are, this one included."""
        count = self.enter(user_id)
        try:
            yield count
        finally:
            self.leave(user_id)

    def enter(self, user_id: UUID) -> int:
        """Count one more; return how many there are."""
        with self._lock:
            self._counts[user_id] += 1
            return self._counts[user_id]

    def leave(self, user_id: UUID) -> None:
        """Count one less."""
        with self._lock:
            self._counts[user_id] -= 1
            self._counts += Counter()  # users who do nothing are forgotten


uploads, streams = UserShare(UPLOADS_OF_A_USER), UserShare(STREAMS_OF_A_USER)
stored_files = UserShare(_STORED_FILES_OF_A_USER)


def shared(response: Response) -> Response:
    """Return a response that is generated while it is sent, or 503 if the user receives enough of them."""
    user_id = signed_in().id
    response.call_on_close(lambda: streams.leave(user_id))
    if streams.enter(user_id) > streams.limit:
        response.close()
        raise busy(_("You are downloading too many lists and archives at once. Wait until one is complete."))
    return response


@contextmanager
def receiving_stored_file() -> Iterator[None]:
    """Count a file that is fetched from a storage while it is sent; raise 503 if the user receives enough of them."""
    with stored_files.counting(signed_in().id) as count:
        if count > stored_files.limit:
            raise busy(_("You are downloading too many files at once. Wait until one is complete."))
        yield


def busy(sentence: str) -> ServiceUnavailable:
    """Return the error 503 for a user whose share is used up."""
    return ServiceUnavailable(sentence, retry_after=_PAUSE_SECONDS)
