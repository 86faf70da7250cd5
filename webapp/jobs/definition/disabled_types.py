"""Disabling: a job type that may not be started for now, by whom and why. What waits of it waits on."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, Engine, delete, exists, insert, literal_column, select
from sqlalchemy.exc import IntegrityError

from webapp.db.engine import reading, writing
from webapp.schema import disabled_types, now

_FIRST = select(disabled_types.c.name).limit(1)
ANY_DISABLED = exists(select(literal_column("1")).select_from(disabled_types))


class TypeDisabled(Exception):
    """Only types that are not disabled are started."""

    def __init__(self, name: str, reason: str) -> None:
        """Say which, and why."""
        why = reason.rstrip(".")
        super().__init__(f"Job type {name!r} is disabled: {why}." if why else f"Job type {name!r} is disabled.")


@dataclass(frozen=True, slots=True, kw_only=True)
class DisabledType:
    """Why a type may not be started, since when and by whom."""

    name: str
    reason: str
    disabled_by: UUID | None
    disabled_at: datetime


class DisabledTypes:
    """The disabled types of one database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def all(self) -> Mapping[str, DisabledType]:
        """Return those that are disabled, by name."""
        with reading(self._engine) as connection:
            rows = connection.execute(select(disabled_types)).mappings()
            return {row["name"]: DisabledType(**row) for row in rows}

    def disable(self, name: str, *, reason: str = "", by: UUID | None = None) -> None:
        """Let nobody start the type; one that is disabled already stays as it is."""
        row = {"name": name, "reason": reason, "disabled_by": by}
        try:
            with writing(self._engine) as connection:
                connection.execute(insert(disabled_types).values(**row, disabled_at=now()))
        except IntegrityError:
            return  # somebody else was faster

    def enable(self, name: str) -> None:
        """Let it be started again."""
        with writing(self._engine) as connection:
            connection.execute(delete(disabled_types).where(disabled_types.c.name == name))


def refuse_disabled(connection: Connection, names: Collection[str]) -> None:
    """Raise `TypeDisabled` if one of the types is."""
    if not names or connection.execute(_FIRST).first() is None:  # there is hardly ever one, and this is quick
        return
    found = select(disabled_types.c.name, disabled_types.c.reason).where(disabled_types.c.name.in_(names))
    if row := connection.execute(found).first():
        raise TypeDisabled(row.name, row.reason)


def disabled_names(connection: Connection) -> list[str]:
    """Return the names of the disabled types."""
    return list(connection.execute(select(disabled_types.c.name)).scalars())
