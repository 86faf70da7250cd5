"""The jobs that an open page shows, as a URL argument: a poll updates their rows and moves none. Pure."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

_BYTES = 16
_LIMIT = 64  # jobs on a page


@dataclass(frozen=True, slots=True)
class VisibleRows:
    """The ids of the jobs of a page, in the order of its cards and its rows."""

    cards: tuple[UUID, ...] = ()
    rows: tuple[UUID, ...] = ()

    @property
    def ids(self) -> tuple[UUID, ...]:
        """The ids of all jobs of the page."""
        return (*self.cards, *self.rows)

    @property
    def newest(self) -> UUID | None:
        """The id of the newest job of the page."""
        return max(self.ids, default=None)

    def encode(self) -> str:
        """Return a text for a URL, which `decode` reads."""
        return urlsafe_b64encode(bytes([len(self.cards)]) + _bytes(self.ids)).decode()


def decode(text: str) -> VisibleRows | None:
    """Read the text of `encode`; None for any other text."""
    try:
        raw = urlsafe_b64decode(text)
    except ValueError:
        return None
    count, rest = divmod(len(raw) - 1, _BYTES)
    if rest or not 0 <= count <= _LIMIT or raw[0] > count:
        return None
    ids = tuple(UUID(bytes=raw[1 + start * _BYTES :][:_BYTES]) for start in range(count))
    return VisibleRows(ids[: raw[0]], ids[raw[0] :])


def _bytes(ids: Iterable[UUID]) -> bytes:
    return b"".join(job_id.bytes for job_id in ids)
