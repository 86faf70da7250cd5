"""The jobs that an open page shows, as a URL argument: a poll updates their rows and moves none. Pure."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self
from uuid import UUID

_BYTES = 16
_DIGITS = 2 * _BYTES
_LIMIT = 64  # jobs on a page


@dataclass(frozen=True, slots=True)
class VisibleRows:
    """The ids of the jobs of a page as hex digits, first those of its cards: most polls need no more than that."""

    digits: tuple[str, ...]
    card_count: int

    @classmethod
    def of(cls, cards: Iterable[UUID] = (), rows: Iterable[UUID] = ()) -> Self:
        """Return the jobs of these cards and rows, in their order."""
        of_cards = [job_id.hex for job_id in cards]
        return cls((*of_cards, *(job_id.hex for job_id in rows)), len(of_cards))

    @property
    def cards(self) -> tuple[UUID, ...]:
        """The ids of the jobs on cards."""
        return tuple(map(UUID, self.digits[: self.card_count]))

    @property
    def rows(self) -> tuple[UUID, ...]:
        """The ids of the jobs in rows."""
        return tuple(map(UUID, self.digits[self.card_count :]))

    @property
    def ids(self) -> tuple[UUID, ...]:
        """The ids of all jobs of the page."""
        return tuple(map(UUID, self.digits))

    @property
    def newest(self) -> UUID | None:
        """The id of the newest job of the page."""
        return UUID(max(self.digits)) if self.digits else None

    def encode(self) -> str:
        """Return a text for a URL, which `decode` reads."""
        return urlsafe_b64encode(bytes([self.card_count]) + bytes.fromhex("".join(self.digits))).decode()


def decode(text: str) -> VisibleRows | None:
    """Read the text of `encode`; None for any other text."""
    try:
        raw = urlsafe_b64decode(text)
    except ValueError:
        return None
    count, rest = divmod(len(raw) - 1, _BYTES)
    if rest or not 0 <= count <= _LIMIT or raw[0] > count:
        return None
    digits = raw[1:].hex()
    return VisibleRows(tuple(digits[place : place + _DIGITS] for place in range(0, len(digits), _DIGITS)), raw[0])
