"""Disabled job types: which ones, by whom and why. Their queued jobs stay queued until the type is enabled."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, Engine, delete, exists, insert, literal_column, select
from sqlalchemy.exc import IntegrityError

from webapp.db.engine import reading, writing
from webapp.db.prepared_statement import PreparedStatement
from webapp.schema import disabled_types, now

_FIRST = PreparedStatement(select(disabled_types.c.name).limit(literal_column("1")))
ANY_DISABLED = exists(select(literal_column("1")).select_from(disabled_types))


class TypeDisabled(Exception):
    """Raised when a job of a disabled type would be created or retried."""

    def __init__(self, name: str, reason: str) -> None:
        """Name the type and the reason."""
        why = reason.rstrip(".")
        super().__init__(f"Job type {name!r} is disabled: {why}." if why else f"Job type {name!r} is disabled.")


@dataclass(frozen=True, slots=True, kw_only=True)
class DisabledType:
    """A disabled job type: why, since when and by whom."""

    name: str
    reason: str
    disabled_by: UUID | None
    disabled_at: datetime


class DisabledTypes:
    """The disabled types of one database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def all(self) -> Mapping[str, DisabledType]:
        """Return the disabled types by name."""
        with reading(self._engine) as connection:
            rows = connection.execute(select(disabled_types)).mappings()
            return {row["name"]: DisabledType(**row) for row in rows}

    def disable(self, name: str, *, reason: str = "", by: UUID | None = None) -> None:
        """Disable a job type; does nothing if it is already disabled."""
        row = {"name": name, "reason": reason, "disabled_by": by}
        try:
            with writing(self._engine) as connection:
                connection.execute(insert(disabled_types).values(**row, disabled_at=now()))
        except IntegrityError:
            return  # it is already disabled

    def enable(self, name: str) -> None:
        """Enable a job type again; does nothing if it is not disabled."""
        with writing(self._engine) as connection:
            connection.execute(delete(disabled_types).where(disabled_types.c.name == name))


def refuse_disabled(connection: Connection, names: Collection[str]) -> None:
    """Raise `TypeDisabled` if one of the types is disabled."""
    if not names or _FIRST.first(connection, {}) is None:  # the usual case, and a fast query
        return
    disabled = select(disabled_types.c.name, disabled_types.c.reason).where(disabled_types.c.name.in_(names))
    if row := connection.execute(disabled).first():
        raise TypeDisabled(row.name, row.reason)


def disabled_names(connection: Connection) -> list[str]:
    """Return the names of the disabled types."""
    return list(connection.execute(select(disabled_types.c.name)).scalars())
