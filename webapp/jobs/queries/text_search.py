"""Searching: words in a job's name, number, message, parameters and errors, as conditions in SQL.

No index knows them: whoever searches bounds how many rows are read (listing.py). Upper and lower
case are the same (on SQLite for A to Z only). Of a job that one may see and not open, its parameters
and errors are not searched, or guessing would read them; secrets are never searched.
"""

import json
import re
from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, String, Text, and_, cast, exists, func, literal, or_, select
from sqlalchemy.dialects.postgresql import ARRAY, JSONPATH

from webapp.jobs.queries.visible_jobs import Viewer
from webapp.schema import jobs

WORD_LIMIT = 4  # more are not looked for
_END_OF_AN_ID = re.compile("[0-9a-f]{4,12}")
_CLOSED = "gAAAA"  # how an encrypted secret begins


def parse_job_id(text: str) -> UUID | None:
    """Return the id that a text is, if it is one."""
    try:
        return UUID(text.strip().removeprefix("#"))
    except ValueError:
        return None


def word_conditions(
    text: str, viewer: Viewer, closed_types: Collection[str], *, sqlite: bool
) -> list[ColumnElement[bool]]:
    """Return one condition per word: a job meets it that says the word anywhere."""
    opened = _may_open(viewer, closed_types)
    inside = _in_sqlite if sqlite else _in_postgresql
    return [_has(word, opened, inside) for word in text.split()[:WORD_LIMIT]]


def _has(word: str, opened: ColumnElement[bool], inside: Any) -> ColumnElement[bool]:
    said = [jobs.c.title.icontains(word, autoescape=True), jobs.c.message.icontains(word, autoescape=True)]
    end = word.removeprefix("#").lower()
    if _END_OF_AN_ID.fullmatch(end):
        said.append(cast(jobs.c.id, String).like(f"%{end}"))
    return or_(*said, and_(opened, inside(word)))


def _may_open(viewer: Viewer, closed_types: Collection[str]) -> ColumnElement[bool]:
    own = or_(jobs.c.owner_id == viewer.user_id, jobs.c.triggered_by == viewer.user_id)
    return or_(own, jobs.c.type.not_in(closed_types)) if viewer.sees_all else own


def _in_sqlite(word: str) -> ColumnElement[bool]:
    # the text of the JSON first: it is cheap, and hardly any row is left for the values themselves
    written = json.dumps(word)[1:-1]
    leaf = func.json_tree(jobs.c.payload).table_valued("atom")
    error = func.json_each(jobs.c.errors).table_valued("value")
    return or_(
        and_(_written(jobs.c.payload, written), _any(leaf, _text_has(leaf.c.atom, word))),
        and_(
            _written(jobs.c.errors, written),
            _any(error, _text_has(func.json_extract(error.c.value, "$.text"), word)),
        ),
    )


def _in_postgresql(word: str) -> ColumnElement[bool]:
    written = json.dumps(word, ensure_ascii=False)[1:-1]
    leaf = func.jsonb_path_query(jobs.c.payload, cast(literal("$.**"), JSONPATH)).alias("leaf")
    error = func.jsonb_array_elements(jobs.c.errors).alias("error")
    plain = func.jsonb_typeof(leaf.column).not_in(("object", "array"))
    return or_(
        and_(
            _written(jobs.c.payload, written),
            _any(leaf, plain, _text_has(leaf.column.op("#>>")(cast(literal("{}"), ARRAY(Text))), word)),
        ),
        and_(
            _written(jobs.c.errors, written),
            _any(error, _text_has(func.jsonb_extract_path_text(error.column, "text"), word)),
        ),
    )


def _any(source: Any, *conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists(select(literal(1)).select_from(source).where(*conditions))


def _written(column: ColumnElement[Any], word: str) -> ColumnElement[bool]:
    return cast(column, Text).icontains(word, autoescape=True)


def _text_has(value: ColumnElement[Any], word: str) -> ColumnElement[bool]:
    text = cast(value, Text)
    return and_(text.icontains(word, autoescape=True), text.not_like(f"{_CLOSED}%"))
