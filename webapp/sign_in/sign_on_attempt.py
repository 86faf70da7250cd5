"""A sign-in at a provider that was started in one browser, and is over when the provider sends the user back."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

ATTEMPT_LASTS = 600  # seconds that somebody may need at the provider


class ProviderAway(Exception):
    """Raised when the provider does not answer, or not as a provider does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignOnAttempt:
    """What the browser keeps meanwhile. Only an answer with the same ``state`` and ``nonce`` belongs to it.

    ``confirms``: the user is signed in already, and proves again who they are.
    """

    state: str
    nonce: str
    code_verifier: str
    started_at: float  # seconds since 1970
    confirms: bool = False
    then: str = ""

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Self:
        """Return a stored attempt."""
        return cls(**stored)

    def stored(self) -> dict[str, Any]:
        """Return the attempt as JSON values."""
        return asdict(self)

    def is_over(self, now: float) -> bool:
        """Return whether it was started too long ago."""
        return not 0 <= now - self.started_at <= ATTEMPT_LASTS
