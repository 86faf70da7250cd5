"""Column types and SQL functions: UTC datetimes, JSON, counters, and the database's clock."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    ColumnElement,
    Connection,
    DateTime,
    Dialect,
    Float,
    Integer,
    MetaData,
    Text,
    TypeDecorator,
    literal,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
metadata = MetaData(naming_convention=NAMING)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC datetime on every database; without this, SQLite returns naive ones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Convert to UTC; raises ``ValueError`` for a datetime without a time zone."""
        if value is not None and value.tzinfo is None:
            message = f"{value!r} has no time zone"
            raise ValueError(message)
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Return the datetime in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class now(FunctionElement[datetime]):  # noqa: N801  (named like an SQL function)
    """The current time of the database, the only clock whose times are stored."""

    type = UtcDateTime()
    inherit_cache = True


@compiles(now, "sqlite")
def _now_sqlite(*_: Any, **__: Any) -> str:
    # SQLite has milliseconds; the zeros match the text that SQLAlchemy stores
    return "strftime('%Y-%m-%d %H:%M:%f000', 'now')"


@compiles(now, "postgresql")
def _now_postgresql(*_: Any, **__: Any) -> str:
    # As a query it is read once for all rows of a statement, and an index serves comparisons with it
    return "(SELECT clock_timestamp())"


_TIME = select(now())


def database_time(connection: Connection) -> datetime:
    """Return the current time of the database."""
    return connection.execute(_TIME).scalar_one()


class later(FunctionElement[datetime]):  # noqa: N801
    """The current time of the database plus a number of seconds."""

    type = UtcDateTime()
    inherit_cache = True
    name = "later"

    def __init__(self, seconds: float | ColumnElement[float]) -> None:
        super().__init__(literal(seconds, Float()) if isinstance(seconds, int | float) else seconds)


@compiles(later, "sqlite")
def _later_sqlite(element: later, compiler: Any, **options: Any) -> str:
    seconds = compiler.process(element.clauses, **options)
    return f"strftime('%Y-%m-%d %H:%M:%f000', 'now', {seconds} || ' seconds')"


@compiles(later, "postgresql")
def _later_postgresql(element: later, compiler: Any, **options: Any) -> str:
    return f"((SELECT clock_timestamp()) + make_interval(secs => {compiler.process(element.clauses, **options)}))"


class hour_of(FunctionElement[datetime]):  # noqa: N801
    """The start of the hour that contains a datetime, in UTC."""

    type = UtcDateTime()
    inherit_cache = True
    name = "hour_of"


@compiles(hour_of, "sqlite")
def _hour_sqlite(element: hour_of, compiler: Any, **options: Any) -> str:
    # as text, because SQLAlchemy stores datetimes as text in SQLite
    return f"(substr({compiler.process(element.clauses, **options)}, 1, 13) || ':00:00.000000')"


@compiles(hour_of, "postgresql")
def _hour_postgresql(element: hour_of, compiler: Any, **options: Any) -> str:
    return f"date_trunc('hour', {compiler.process(element.clauses, **options)}, 'UTC')"


class seconds_between(FunctionElement[float]):  # noqa: N801
    """The seconds from one datetime to another."""

    type = Float()
    inherit_cache = True
    name = "seconds_between"


@compiles(seconds_between, "sqlite")
def _seconds_sqlite(element: seconds_between, compiler: Any, **options: Any) -> str:
    start, end = (compiler.process(clause, **options) for clause in element.clauses)
    # fractions of a day are exact to about 40 microseconds, stored datetimes to a millisecond
    return f"round((julianday({end}) - julianday({start})) * 86400.0, 3)"


@compiles(seconds_between, "postgresql")
def _seconds_postgresql(element: seconds_between, compiler: Any, **options: Any) -> str:
    start, end = (compiler.process(clause, **options) for clause in element.clauses)
    return f"extract(epoch FROM {end} - {start})"


class has_tag(FunctionElement[bool]):  # noqa: N801
    """Whether a JSON list of texts, which can be null, contains a text."""

    type = Boolean()
    inherit_cache = True
    name = "has_tag"


@compiles(has_tag, "sqlite")
def _has_tag_sqlite(element: has_tag, compiler: Any, **options: Any) -> str:
    tags, tag = (compiler.process(clause, **options) for clause in element.clauses)
    return f"EXISTS (SELECT 1 FROM json_each({tags}) AS tag WHERE tag.value = {tag})"  # noqa: S608  (compiled clauses)


@compiles(has_tag, "postgresql")
def _has_tag_postgresql(element: has_tag, compiler: Any, **options: Any) -> str:
    tags, tag = (compiler.process(clause, **options) for clause in element.clauses)
    return f"{tags} @> jsonb_build_array(CAST({tag} AS text))"


class in_lines(FunctionElement[str]):  # noqa: N801
    """The texts of a group of rows as one text, each on a line; NULL without rows.

    The separator of SQLAlchemy's own function is known only when a statement runs, so it could not be prepared.
    """

    type = Text()
    inherit_cache = True
    name = "in_lines"


@compiles(in_lines, "sqlite")
def _in_lines_sqlite(element: in_lines, compiler: Any, **options: Any) -> str:
    return f"group_concat({compiler.process(element.clauses, **options)}, char(10))"


@compiles(in_lines, "postgresql")
def _in_lines_postgresql(element: in_lines, compiler: Any, **options: Any) -> str:
    return f"string_agg({compiler.process(element.clauses, **options)}, chr(10))"


Json: Any = JSON().with_variant(JSONB(), "postgresql")
NullableJson: Any = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
Counter = BigInteger().with_variant(Integer(), "sqlite")  # SQLite generates ids only for INTEGER columns
