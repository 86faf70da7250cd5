"""Tables of PostgreSQL that are divided by ranges of a UUIDv7: divide empty tables, add months, and drop them.

A partition holds the rows of the ids of one month of UTC. A row of any other month is in the default partition, so no
insert ever fails for want of a partition. The names of columns, constraints, indexes and triggers stay.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import Connection, text

_DEFAULT = "other"
_MILLISECONDS = 1000
_FOREIGN_KEYS = text(
    """SELECT conrelid::regclass::text AS of_table, conname AS name, pg_get_constraintdef(oid) AS definition
       FROM pg_constraint WHERE contype = 'f' AND conparentid = 0
       AND (conrelid = ANY (CAST(:tables AS regclass[])) OR confrelid = ANY (CAST(:tables AS regclass[])))
       ORDER BY 1, 2"""
)
_CONSTRAINTS = text(
    """SELECT conname AS name, contype AS kind, pg_get_constraintdef(oid) AS definition,
       ARRAY(SELECT attname FROM unnest(conkey) WITH ORDINALITY AS key (number, place)
             JOIN pg_attribute ON attrelid = conrelid AND attnum = number ORDER BY place)::text[] AS columns
       FROM pg_constraint WHERE contype IN ('p', 'u', 'c') AND conrelid = CAST(:name AS regclass) ORDER BY conname"""
)
_FURTHER = text(
    """SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = CAST(:name AS regclass)
       AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND contype IN ('p', 'u'))
       UNION ALL SELECT pg_get_triggerdef(oid) FROM pg_trigger
       WHERE tgrelid = CAST(:name AS regclass) AND NOT tgisinternal
       UNION ALL SELECT pg_get_statisticsobjdef(oid) FROM pg_statistic_ext WHERE stxrelid = CAST(:name AS regclass)"""
)
_SEQUENCES = text(
    """SELECT attname AS name, pg_get_serial_sequence(:name, attname) AS sequence FROM pg_attribute
       WHERE attrelid = CAST(:name AS regclass) AND attnum > 0 AND NOT attisdropped
       AND pg_get_serial_sequence(:name, attname) IS NOT NULL"""
)
_OWN_FOREIGN_KEYS = text(
    "SELECT conname FROM pg_constraint WHERE contype = 'f' AND conrelid = CAST(:name AS regclass) AND conparentid = 0"
)
_IS_DIVIDED = text("SELECT relkind = 'p' FROM pg_class WHERE oid = to_regclass(:name)")
_TABLES = text("SELECT tablename FROM pg_tables WHERE schemaname = current_schema() AND tablename LIKE :pattern")
_PARTITIONS = text(
    """SELECT child.relname FROM pg_inherits JOIN pg_class AS child ON child.oid = inhrelid
       WHERE inhparent = to_regclass(:name) AND NOT inhdetachpending ORDER BY 1"""
)

_DIVIDED = text("SELECT relname FROM pg_class WHERE relkind = 'p' AND relnamespace = current_schema()::regnamespace")
_PARTITIONS_AND_DETACHED = text(
    """SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace
       AND (relispartition OR EXISTS (SELECT FROM pg_class AS divided WHERE divided.relkind = 'p'
            AND divided.relnamespace = pg_class.relnamespace
            AND pg_class.relname ~ concat('^', divided.relname, '_\\d{4}_\\d{2}_[a-z]+$')))"""
)


@dataclass(frozen=True, slots=True, order=True)
class PartitionMonth:
    """A calendar month of UTC."""

    year: int
    number: int

    @classmethod
    def of(cls, time: datetime) -> "PartitionMonth":
        """Return the month of a time."""
        utc = time.astimezone(UTC)
        return cls(utc.year, utc.month)

    @classmethod
    def of_id(cls, uuid: UUID) -> "PartitionMonth":
        """Return the month in which a UUIDv7 was made."""
        return cls.of(datetime.fromtimestamp((uuid.int >> 80) / _MILLISECONDS, UTC))

    def after(self, count: int = 1) -> "PartitionMonth":
        """Return the month that is ``count`` months later."""
        years, number = divmod(self.number - 1 + count, 12)
        return PartitionMonth(self.year + years, number + 1)

    @property
    def begins(self) -> datetime:
        """The first moment of the month."""
        return datetime(self.year, self.number, 1, tzinfo=UTC)

    @property
    def first_id(self) -> UUID:
        """The smallest id of the month."""
        return UUID(int=round(self.begins.timestamp() * _MILLISECONDS) << 80)

    def __str__(self) -> str:
        """Return the end of the names of its partitions."""
        return f"{self.year:04}_{self.number:02}"


@dataclass(frozen=True, slots=True)
class TableLayout:
    """Which tables of a database are divided, to compare its tables with a schema that knows no partitions."""

    divided: frozenset[str] = frozenset()
    partitions: frozenset[str] = frozenset()  # detached ones too

    @classmethod
    def of(cls, connection: Connection) -> "TableLayout":
        """Return the layout of a database; on SQLite, no table is divided."""
        if connection.dialect.name == "sqlite":
            return cls()
        found = (connection.execute(names).scalars() for names in (_DIVIDED, _PARTITIONS_AND_DETACHED))
        return cls(*map(frozenset, found))

    def explains_index(self, table: str, name: str | None) -> bool:
        """Return whether an index takes the place of a primary key, which would have to contain the id of the job."""
        return table in self.divided and name == f"pk_{table}"

    def explains_foreign_key(self, table: str, referred: str) -> bool:
        """Return whether a foreign key is PostgreSQL's own for a partition, or one that a trigger replaces."""
        return referred in self.partitions or (table == referred and table in self.divided)


def is_divided(connection: Connection, table: str) -> bool:
    """Return whether a table of PostgreSQL has partitions."""
    return bool(connection.execute(_IS_DIVIDED, {"name": table}).scalar())


def divide(connection: Connection, tables: Mapping[str, str], months: Collection[PartitionMonth]) -> None:
    """Divide empty tables by a column each. A unique key without this column becomes an index that is not unique."""
    foreign_keys = connection.execute(_FOREIGN_KEYS, {"tables": list(tables)}).all()
    for key in foreign_keys:
        connection.exec_driver_sql(f'ALTER TABLE {key.of_table} DROP CONSTRAINT "{key.name}"')
    for table, column in tables.items():
        _divide(connection, table, column)
    for month in sorted(months):
        add_month(connection, tables, month)
    for key in foreign_keys:
        connection.exec_driver_sql(f'ALTER TABLE {key.of_table} ADD CONSTRAINT "{key.name}" {key.definition}')


def add_month(connection: Connection, tables: Collection[str], month: PartitionMonth) -> None:
    """Add the partitions of a month; none of its rows may exist yet."""
    limits = f"FROM ('{month.first_id}') TO ('{month.after().first_id}')"
    for table in tables:
        connection.exec_driver_sql(f"CREATE TABLE {table}_{month} PARTITION OF {table} FOR VALUES {limits}")


def months_of(connection: Connection, table: str) -> list[PartitionMonth]:
    """Return the months for which a table has partitions, the oldest first."""
    names = connection.execute(_PARTITIONS, {"name": table}).scalars()
    return sorted(_month_in(name) for name in names if not name.endswith(_DEFAULT))


def detached_months(connection: Connection, table: str, mark: str) -> list[PartitionMonth]:
    """Return the months of partitions that `detach_month` has detached from a table."""
    names = connection.execute(_TABLES, {"pattern": f"{table}\\_%\\_{mark}"}).scalars()
    return sorted(_month_in(name.removesuffix(f"_{mark}")) for name in names)


def detach_month(connection: Connection, table: str, month: PartitionMonth, mark: str) -> None:
    """Detach the partition of a month and rename it; no row of another table may refer to its rows.

    It refers to no other table any more.
    """
    detached = detached_name(table, month, mark)
    connection.exec_driver_sql(f"ALTER TABLE {table} DETACH PARTITION {table}_{month}")
    connection.exec_driver_sql(f"ALTER TABLE {table}_{month} RENAME TO {detached}")
    for name in connection.execute(_OWN_FOREIGN_KEYS, {"name": detached}).scalars().all():
        connection.exec_driver_sql(f'ALTER TABLE {detached} DROP CONSTRAINT "{name}"')


def detached_name(table: str, month: PartitionMonth, mark: str) -> str:
    """Return the name of a detached partition."""
    return f"{table}_{month}_{mark}"


def default_partition(table: str) -> str:
    """Return the name of the partition of all other months."""
    return f"{table}_{_DEFAULT}"


def _divide(connection: Connection, table: str, column: str) -> None:
    constraints = connection.execute(_CONSTRAINTS, {"name": table}).all()
    further = connection.execute(_FURTHER, {"name": table}).scalars().all()
    sequences = connection.execute(_SEQUENCES, {"name": table}).all()
    connection.exec_driver_sql(f"ALTER TABLE {table} RENAME TO {table}_plain")
    connection.exec_driver_sql(
        f"CREATE TABLE {table} (LIKE {table}_plain INCLUDING DEFAULTS INCLUDING STORAGE) PARTITION BY RANGE ({column})"
    )
    for row in sequences:
        connection.exec_driver_sql(f"ALTER SEQUENCE {row.sequence} OWNED BY {table}.{row.name}")
    connection.exec_driver_sql(f"DROP TABLE {table}_plain")
    for row in constraints:
        if row.kind != "c" and column not in row.columns:
            connection.exec_driver_sql(f'CREATE INDEX "{row.name}" ON {table} ({", ".join(row.columns)})')
        else:
            connection.exec_driver_sql(f'ALTER TABLE {table} ADD CONSTRAINT "{row.name}" {row.definition}')
    for definition in further:
        connection.exec_driver_sql(definition)
    connection.exec_driver_sql(f"CREATE TABLE {default_partition(table)} PARTITION OF {table} DEFAULT")


def _month_in(name: str) -> PartitionMonth:
    year, number = name.rsplit("_", 2)[1:]
    return PartitionMonth(int(year), int(number))
