"""Shown: which jobs stand on an open page, so that asking again patches those and moves none. Pure."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

_BYTES = 16
_MOST = 64  # jobs that a page shows


@dataclass(frozen=True, slots=True)
class VisibleRows:
    """The jobs of a page, by id: those on cards, and those in rows, each in their order."""

    cards: tuple[UUID, ...] = ()
    rows: tuple[UUID, ...] = ()

    @property
    def ids(self) -> tuple[UUID, ...]:
        """All of them."""
        return (*self.cards, *self.rows)

    @property
    def newest(self) -> UUID | None:
        """The newest of them."""
        return max(self.ids, default=None)

    def encode(self) -> str:
        """Return a text for an address, which `read` reads back."""
        return urlsafe_b64encode(bytes([len(self.cards)]) + _bytes(self.ids)).decode()


def decode(text: str) -> VisibleRows | None:
    """Read what `written` wrote; None for anything else."""
    try:
        raw = urlsafe_b64decode(text)
    except ValueError:
        return None
    count, rest = divmod(len(raw) - 1, _BYTES)
    if rest or not 0 <= count <= _MOST or raw[0] > count:
        return None
    ids = tuple(UUID(bytes=raw[1 + start * _BYTES :][:_BYTES]) for start in range(count))
    return VisibleRows(ids[: raw[0]], ids[raw[0] :])


def _bytes(ids: Iterable[UUID]) -> bytes:
    return b"".join(one.bytes for one in ids)
