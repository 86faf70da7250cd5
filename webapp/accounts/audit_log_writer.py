"""Writes the audit log: one line per action, in the transaction of the change if there is one.

Lines are never changed or deleted and contain no secrets: ``before`` and ``after`` hold a few plain values.
"""

import json
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

from sqlalchemy import Connection, Engine

from webapp.accounts.audit_log import AuditLine
from webapp.db.engine import in_next_transaction, writing
from webapp.db.joined_insert import JoinedInsert, JoinedRow
from webapp.schema import audit, now

_COLUMNS = (
    *("actor_id", "actor", "role", "address", "token"),
    *("action", "kind", "object_id", "object_name", "before", "after"),
)
_INSERT = JoinedInsert(audit, _COLUMNS, at=now())
_ENCODER = json.JSONEncoder(default=str)  # `dumps` would make one each time
_FEW, _SHORT = 10, 200  # values, and characters of each
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
        return in_next_transaction(row_of(line))


def write_line(connection: Connection, line: AuditLine) -> None:
    """Record an action in the caller's transaction."""
    row_of(line)(connection)


def row_of(line: AuditLine) -> JoinedRow:
    """Return the row of a line, for `in_next_transaction`."""
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
    return JoinedRow(_INSERT, values)


def _is_short(value: object) -> bool:
    """Return whether a value is plain and short, as nearly all are: its JSON need not be measured."""
    return value is None or type(value) in {bool, int} or (type(value) is str and len(value) <= _SHORT)


def _small(values: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if values is None:
        return None
    if len(values) <= _FEW and all(map(_is_short, values.values())):
        return dict(values)
    text = _ENCODER.encode(dict(values))
    kept: dict[str, Any] = json.loads(text) if len(text) <= _LONGEST else {"left_out": f"{len(text)} characters"}
    return kept
