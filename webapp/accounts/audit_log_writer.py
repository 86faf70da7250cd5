"""Writes the audit log: one line per action, in the transaction of the change if there is one.

Lines are never changed or deleted and contain no secrets: ``before`` and ``after`` hold a few plain values.
"""

import json
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

from sqlalchemy import Connection, Engine, insert

from webapp.accounts.audit_log import AuditLine
from webapp.db.engine import in_next_transaction, writing
from webapp.db.prepared_statement import PreparedStatement
from webapp.schema import audit, now

_COLUMNS = (
    *("actor_id", "actor", "role", "address", "token"),
    *("action", "kind", "object_id", "object_name", "before", "after"),
)
_INSERT = PreparedStatement(insert(audit).values(at=now()).inline(), columns=_COLUMNS)
_ENCODER = json.JSONEncoder(default=str)  # `dumps` would make one each time
_LONGEST = 4000  # characters of JSON; more than that is not "a few plain values"


class AuditLogWriter:
    """Writes the audit log of one database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def record(self, line: AuditLine) -> None:
        """Record an action that is already done or changes nothing else in the database."""
        with writing(self._engine) as connection:
            write_line(connection, line)

    def record_with_change(self, line: AuditLine) -> AbstractContextManager[None]:
        """Record a change together with it: the block's first transaction writes both or neither."""
        return in_next_transaction(lambda connection: write_line(connection, line))


def write_line(connection: Connection, line: AuditLine) -> None:
    """Record an action in the caller's transaction."""
    who = line.actor
    values = {
        "actor_id": who.id,
        "actor": who.name[:120],
        "role": who.role,
        "address": who.address[:64],
        "token": who.token[:80],
        "action": line.action.value,
        "kind": line.kind.value,
        "object_id": str(line.id)[:80],
        "object_name": line.name[:200],
        "before": _small(line.before),
        "after": _small(line.after),
    }
    _INSERT.execute(connection, values)


def _small(values: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if values is None:
        return None
    text = _ENCODER.encode(dict(values))
    kept: dict[str, Any] = json.loads(text) if len(text) <= _LONGEST else {"left_out": f"{len(text)} characters"}
    return kept
