"""Parse admin pages: linked numbers, and how many jobs or errors a list shows."""

import re
from html.parser import HTMLParser


class _Numbers(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, int]] = []
        self._link = ""
        self._reads = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "a":
            self._link = given.get("href") or ""
        self._reads = self._reads or "data-number" in given

    def handle_data(self, data: str) -> None:
        if self._reads and data.strip():
            self.found.append((self._link, int(data.strip().replace(",", ""))))
            self._reads = False


def numbers(page: str) -> list[tuple[str, int]]:
    """Return every linked number of a page with its URL."""
    parser = _Numbers()
    parser.feed(page)
    return parser.found


def shown(page: str) -> int:
    """Count the jobs or errors in a list."""
    return len(set(re.findall(r'id="(?:job|run|error)-([0-9a-f-]{16,36})"', page)))


def total(page: str) -> int | None:
    """Return the number of matching jobs that a list reports."""
    found = re.search(r"data-total>([\d,]+)<", page)
    return int(found[1].replace(",", "")) if found else None
