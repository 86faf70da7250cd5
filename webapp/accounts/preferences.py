"""Preferences: what people choose for themselves, and nobody else chooses for them."""

from dataclasses import asdict, dataclass
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Engine, update

from webapp.accounts.validation import BadAccount, valid_timezone
from webapp.db.engine import writing
from webapp.schema import users


class Theme(StrEnum):
    """Which colours pages have."""

    SYSTEM = "system"
    LIGHT = "light"
    DARK = "dark"


class Notify(StrEnum):
    """Of which ended jobs a person wants a notice."""

    NEVER = "never"
    FAILURE = "failure"
    ALWAYS = "always"


class Language(StrEnum):
    """The languages that ship."""

    ENGLISH = "en"
    GERMAN = "de"


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences:
    """One person's choices; empty ``language`` = the browser's, empty ``timezone`` = the installation's."""

    theme: str = Theme.SYSTEM
    language: str = ""
    timezone: str = ""
    live_updates: bool = True
    notify: str = Notify.ALWAYS

    def __post_init__(self) -> None:
        """Refuse with `BadAccount` what cannot be chosen."""
        _one_of(self.theme, Theme)
        _one_of(self.notify, Notify)
        if self.language:
            _one_of(self.language, Language)
        valid_timezone(self.timezone)


def save(engine: Engine, user_id: UUID, chosen: Preferences) -> None:
    """Keep what a person chose."""
    with writing(engine) as connection:
        connection.execute(update(users).where(users.c.id == user_id).values(**asdict(chosen)))


def _one_of(value: str, choices: type[StrEnum]) -> None:
    if value not in list(choices):
        raise BadAccount(f"Unknown choice {value!r}. The choices are {', '.join(choices)}.")
