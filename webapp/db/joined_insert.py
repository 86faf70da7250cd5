"""An INSERT that goes along with another change, such as the line of the audit log.

Usually it is a statement of its own in the same transaction. Where the change itself is a single INSERT, PostgreSQL
does both in one statement, which saves the round trips of a transaction.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import CTE, ColumnElement, Connection, Table, bindparam, insert, select

from webapp.db.prepared_statement import PreparedStatement

_PREFIX = "joined_"  # of the parameters, so that they differ from those of the other statement


class JoinedInsert:
    """An INSERT of given ``columns`` and of ``computed`` ones into a table."""

    def __init__(self, table: Table, columns: Collection[str], **computed: ColumnElement[Any]) -> None:
        self._table = table
        self._columns = columns
        self._computed = computed
        self._alone = PreparedStatement(insert(table).values(**computed).inline(), columns=columns)

    def execute(self, connection: Connection, values: Mapping[str, Any]) -> None:
        """Insert one row."""
        self._alone.execute(connection, values)

    def for_each(self, other: CTE) -> CTE:
        """Return it as part of a statement: a row for each row of the other part. See `parameters`."""
        given = {name: bindparam(_PREFIX + name, type_=self._table.c[name].type) for name in self._columns}
        values = {**given, **self._computed}
        source = select(*values.values()).select_from(other)
        return insert(self._table).from_select(list(values), source).cte("joined")

    def parameters(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters of `for_each`."""
        return {_PREFIX + name: values[name] for name in self._columns}


@dataclass(frozen=True, slots=True)
class JoinedRow:
    """A row for a `JoinedInsert`, and a step of `webapp.db.engine.in_next_transaction`."""

    insert: JoinedInsert
    values: Mapping[str, Any]

    def __call__(self, connection: Connection) -> None:
        """Insert the row by a statement of its own."""
        self.insert.execute(connection, self.values)

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters of `JoinedInsert.for_each`."""
        return self.insert.parameters(self.values)
