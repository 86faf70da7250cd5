"""Preferences that users set for themselves: theme, language, time zone, notifications."""

from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Engine, or_, update

from webapp.accounts.validation import BadAccount, valid_timezone
from webapp.db.engine import writing
from webapp.schema import users


class Theme(StrEnum):
    """The colour theme of pages."""

    SYSTEM = "system"
    LIGHT = "light"
    DARK = "dark"


class Notify(StrEnum):
    """Which finished jobs the user is notified of."""

    NEVER = "never"
    FAILURE = "failure"
    ALWAYS = "always"


class Language(StrEnum):
    """The languages that Deskjob ships with."""

    ENGLISH = "en"
    GERMAN = "de"


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences:
    """One user's choices. Empty: ``language`` of the browser, ``timezone`` of the installation."""

    theme: str = Theme.SYSTEM
    language: str = ""
    timezone: str = ""
    live_updates: bool = True
    notify: str = Notify.ALWAYS

    def __post_init__(self) -> None:
        """Raise `BadAccount` for an unknown choice."""
        _one_of(self.theme, Theme)
        _one_of(self.notify, Notify)
        if self.language:
            _one_of(self.language, Language)
        valid_timezone(self.timezone)


def save(engine: Engine, user_id: UUID, chosen: Preferences) -> None:
    """Store a user's preferences."""
    with writing(engine) as connection:
        connection.execute(update(users).where(users.c.id == user_id).values(**asdict(chosen)))


def save_list_columns(engine: Engine, user_id: UUID, columns: str) -> None:
    """Store the columns of a user's lists of jobs, separated by commas; empty means the usual ones."""
    with writing(engine) as connection:
        connection.execute(update(users).where(users.c.id == user_id).values(list_columns=columns))


def save_favourite_types(engine: Engine, user_id: UUID, names: Collection[str]) -> None:
    """Store a user's favourite job types; names of job types have no comma."""
    favourites = ",".join(sorted(names))
    with writing(engine) as connection:
        connection.execute(update(users).where(users.c.id == user_id).values(favourite_types=favourites))


def save_seen_until(engine: Engine, user_id: UUID, moment: datetime) -> None:
    """Store until when a user has seen what happened; an earlier time than the stored one changes nothing."""
    earlier = or_(users.c.seen_until.is_(None), users.c.seen_until < moment)
    with writing(engine) as connection:
        connection.execute(update(users).where(users.c.id == user_id, earlier).values(seen_until=moment))


def save_time_zone(engine: Engine, user_id: UUID, zone: str) -> None:
    """Store a user's time zone; raises `BadAccount` for an unknown one."""
    with writing(engine) as connection:
        connection.execute(update(users).where(users.c.id == user_id).values(timezone=valid_timezone(zone)))


def _one_of(value: str, choices: type[StrEnum]) -> None:
    if value not in list(choices):
        raise BadAccount(f"Unknown choice {value!r}. The choices are {', '.join(choices)}.")
