"""Prepared statements: those that every job needs, compiled once and executed by the driver itself.

SQLAlchemy needs longer to execute a compiled statement than SQLite does. So here it only writes the SQL and converts
the values. Errors are still its `DBAPIError`, and its event ``before_cursor_execute`` still sees every statement.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Connection, Dialect, Select, UpdateBase
from sqlalchemy.exc import DBAPIError, StatementError
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import JSON, TypeEngine

Convert = Callable[[Any], Any]
_Statement = Select[*tuple[Any, ...]] | UpdateBase
_TRANSLATED_ONCE = 4096  # characters: psycopg translates the parameters of longer statements at each execution
_REMEMBERED = 8  # values of a column: rows of one answer often have the same owner, lease and times


class PreparedStatement:
    """A statement that is compiled once; one with lists of values (``IN``) is executed by SQLAlchemy as usual.

    ``columns`` are set by parameters of these names, for an INSERT or UPDATE that does not say so itself.
    """

    def __init__(self, statement: _Statement, *, columns: Collection[str] = ()) -> None:
        self._statement = statement
        self._columns = columns
        self._compiled: dict[str, _Compiled | _Unprepared] = {}  # by the name of the dialect

    def execute(self, connection: Connection, parameters: Mapping[str, Any]) -> bool:
        """Execute it for its effect; return whether it returned a row."""
        return bool(self._compiled_for(connection.dialect).execute(connection, parameters))

    def count(self, connection: Connection, parameters: Mapping[str, Any]) -> int:
        """Execute it for its effect; return how many rows it returned."""
        return len(self._compiled_for(connection.dialect).execute(connection, parameters))

    def first(self, connection: Connection, parameters: Mapping[str, Any]) -> dict[str, Any] | None:
        """Execute it; return its first row, by the names of the columns."""
        rows = self.all(connection, parameters)
        return rows[0] if rows else None

    def all(self, connection: Connection, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Execute it; return its rows, by the names of the columns."""
        compiled = self._compiled_for(connection.dialect)
        return [compiled.convert(row) for row in compiled.execute(connection, parameters)]

    def _compiled_for(self, dialect: Dialect) -> "_Compiled | _Unprepared":
        if (known := self._compiled.get(dialect.name)) is None:
            known = self._compiled[dialect.name] = self._compile(dialect)
        return known

    def _compile(self, dialect: Dialect) -> "_Compiled | _Unprepared":
        compiled = self._compiled_by(dialect)
        if compiled.post_compile_params or compiled.literal_execute_params:
            return _Unprepared(self._statement)
        columns = [(str(column.key), column.type) for column in self._statement.exported_columns]
        if dialect.driver == "psycopg" and len(str(compiled)) > _TRANSLATED_ONCE:
            numbered: Any = type(dialect)
            return _Compiled(self._compiled_by(numbered(paramstyle="numeric_dollar")), columns, dialect, is_raw=True)
        return _Compiled(compiled, columns, dialect)

    def _compiled_by(self, dialect: Dialect) -> SQLCompiler:
        compiled = self._statement.compile(dialect=dialect, column_keys=list(self._columns) or None)
        assert isinstance(compiled, SQLCompiler)  # noqa: S101  (it is no schema)
        return compiled


class _Unprepared:
    """A statement whose text is known only when it is executed."""

    def __init__(self, statement: _Statement) -> None:
        self._statement = statement

    def execute(self, connection: Connection, parameters: Mapping[str, Any]) -> Sequence[Any]:
        result = connection.execute(self._statement, parameters)
        return result.mappings().all() if result.returns_rows else ()

    def convert(self, row: Any) -> dict[str, Any]:
        return dict(row)


class _Compiled:
    """The SQL of a statement in one dialect, and how its parameters and columns are converted."""

    def __init__(
        self,
        compiled: SQLCompiler,
        columns: Sequence[tuple[str, TypeEngine[Any]]],
        dialect: Dialect,
        *,
        is_raw: bool = False,
    ) -> None:
        self._sql = str(compiled)
        self._dialect = dialect
        self._is_raw = is_raw  # with the parameters $1, $2, … of PostgreSQL itself
        self._is_positional = compiled.positional
        self._columns = columns
        self._names = [name for name, _ in columns]
        self._conversions: list[tuple[int, Convert]] | None = None  # of columns, known with the first answer
        self._template: dict[Any, Any] = {}  # the constants at their places
        self._given: list[tuple[Any, str, Convert | None]] = []  # place, name and conversion of each parameter
        for place, name in enumerate((compiled.positiontup if self._is_positional else list(compiled.binds)) or ()):
            self._add_parameter(compiled, place if self._is_positional else name, name)

    def _add_parameter(self, compiled: SQLCompiler, place: Any, name: str) -> None:
        bind = compiled.binds[name]
        convert = bind.type.dialect_impl(self._dialect).bind_processor(self._dialect)
        if bind.required:
            self._given.append((place, name, convert))
            self._template[place] = None
        else:
            self._template[place] = convert(bind.effective_value) if convert else bind.effective_value

    def execute(self, connection: Connection, parameters: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        """Execute it; return the rows of the answer."""
        sql, values = self._sql, self._values(parameters)
        cursor = _raw_cursor(connection) if self._is_raw else connection.connection.cursor()
        for listener in connection.dispatch.before_cursor_execute:
            sql, values = listener(connection, cursor, sql, values, None, False)  # noqa: FBT003  (the event's signature)
        try:
            cursor.execute(sql, values)
            if not self._names:
                return ()
            if self._conversions is None:  # the driver describes the columns anew each time, which takes a while
                self._conversions = list(self._conversions_of(cursor.description))
            rows: Sequence[Sequence[Any]] = cursor.fetchall()
        except self._dialect.loaded_dbapi.Error as error:
            raise _wrapped(error, connection, sql, values) from error
        except BaseException as interruption:  # in the middle of an answer
            connection.invalidate(interruption)
            raise
        else:
            return rows
        finally:
            cursor.close()

    def _values(self, parameters: Mapping[str, Any]) -> Any:
        values = self._template.copy()
        try:
            for place, name, convert in self._given:
                value = parameters[name]
                values[place] = convert(value) if convert else value
        except Exception as error:  # no value that the type of the column takes
            message = f"({type(error).__name__}) {error}"
            raise StatementError(message, self._sql, dict(parameters), error) from error
        return tuple(values.values()) if self._is_positional else values

    def convert(self, row: Sequence[Any]) -> dict[str, Any]:
        """Return a row of the answer with the values that the types of its columns make."""
        values = list(row)
        for place, convert in self._conversions or ():
            if (value := values[place]) is not None:
                values[place] = convert(value)
        return dict(zip(self._names, values, strict=True))

    def _conversions_of(self, description: Sequence[Sequence[Any]]) -> Iterator[tuple[int, Convert]]:
        for place, ((_, type_), described) in enumerate(zip(self._columns, description, strict=True)):
            if convert := type_.dialect_impl(self._dialect).result_processor(self._dialect, described[1]):
                yield place, _quicker(type_, convert)


def _raw_cursor(connection: Connection) -> Any:
    from psycopg import RawCursor  # noqa: PLC0415  (not on SQLite)

    return RawCursor(cast(Any, connection.connection.dbapi_connection))


def _quicker(type_: TypeEngine[Any], convert: Convert) -> Convert:
    """Return a conversion that makes a value that repeats only once, and an empty one without a parser."""
    if isinstance(type_, JSON):
        return lambda value: [] if value == "[]" else {} if value == "{}" else convert(value)
    return lru_cache(maxsize=_REMEMBERED)(convert) if type_.python_type in {UUID, datetime} else convert


def _wrapped(error: Any, connection: Connection, sql: str, values: Any) -> BaseException:
    """Return the error as SQLAlchemy raises it; a broken connection is not used again."""
    dialect = connection.dialect
    is_broken = dialect.is_disconnect(error, connection.connection.dbapi_connection, None)
    if is_broken:
        connection.invalidate(error)
    wrapped: BaseException = DBAPIError.instance(
        sql, values, error, dialect.loaded_dbapi.Error, connection_invalidated=is_broken, dialect=dialect
    )
    return wrapped
