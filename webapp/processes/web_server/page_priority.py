"""Pages before polls: a poll begins when no page is being served, because nobody waits for it."""

from threading import Event
from time import monotonic

_LONGEST_SECONDS = 0.05  # that polls wait for a page: a slow one, or a request that waits for news, must not stop them


class PagePriority:
    """Counts the pages that a serving process has at hand, in its main thread; its other threads let polls wait."""

    def __init__(self) -> None:
        self._pages = 0
        self._until = 0.0
        self._no_pages = Event()
        self._no_pages.set()

    def page_begins(self) -> None:
        """Let polls wait for this page too."""
        self._pages += 1
        self._until = monotonic() + _LONGEST_SECONDS
        self._no_pages.clear()

    def page_ends(self) -> None:
        """Let polls begin if this was the last page."""
        self._pages -= 1
        if not self._pages:
            self._no_pages.set()

    def let_pages_go_first(self) -> None:
        """Return when there is no page, or when the latest one has had its time."""
        while (seconds := self._until - monotonic()) > 0 and not self._no_pages.wait(seconds):
            pass
