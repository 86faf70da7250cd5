"""Text search: SQL conditions for words in a job's title, id, message, parameters and errors.

No index supports them, so the caller limits how many rows are read (``pagination``). Case is ignored. The message,
parameters and errors of a job that the viewer can list but not open are not searched: otherwise they could be
guessed. Secrets are never searched.
"""

import json
import re
from collections.abc import Collection
from typing import Any
from unicodedata import normalize
from uuid import UUID

from sqlalchemy import ColumnElement, String, Text, and_, cast, exists, func, literal, or_, select
from sqlalchemy.dialects.postgresql import ARRAY, JSONPATH

from webapp.db.case_folding import has_text
from webapp.jobs.queries.visible_jobs import Viewer, same_tenant
from webapp.schema import jobs

WORD_LIMIT = 4  # further words are ignored
_END_OF_AN_ID = re.compile("[0-9a-f]{4,12}")
_NOT_AS_WRITTEN = re.compile("[ik]|ss|[^ -~]")  # in JSON, as a capital with a dot, a Kelvin sign, a sharp s
ENCRYPTED_PREFIX = "gAAAA"  # of Fernet tokens


def parse_job_id(text: str) -> UUID | None:
    """Return the job id that the text is, or ``None``."""
    try:
        return UUID(text.strip().removeprefix("#"))
    except ValueError:
        return None


def word_conditions(
    text: str, viewer: Viewer, restricted_types: Collection[str], *, sqlite: bool
) -> list[ColumnElement[bool]]:
    """Return one condition per word: the word occurs anywhere in the job."""
    readable = _may_open(viewer, restricted_types)
    inside = _in_sqlite if sqlite else _in_postgresql
    return [_has(word, readable, inside) for word in text.split()[:WORD_LIMIT]]


def _has(word: str, readable: ColumnElement[bool], inside: Any) -> ColumnElement[bool]:
    matches = [has_text(jobs.c.title, word)]
    end = word.removeprefix("#").lower()
    if _END_OF_AN_ID.fullmatch(end):
        matches.append(cast(jobs.c.id, String).like(f"%{end}"))
    return or_(*matches, and_(readable, or_(has_text(jobs.c.message, word), inside(word))))


def _may_open(viewer: Viewer, restricted_types: Collection[str]) -> ColumnElement[bool]:
    found: list[ColumnElement[bool]] = [jobs.c.owner_id == viewer.user_id, jobs.c.triggered_by == viewer.user_id]
    if viewer.groups:
        shared = jobs.c.shared_with.in_(viewer.groups)
        found.append(and_(shared, jobs.c.type.not_in(viewer.unshared_types), same_tenant(viewer)))
    if viewer.sees_all:
        found.append(jobs.c.type.not_in(restricted_types))
    return or_(*found)


def _in_sqlite(word: str) -> ColumnElement[bool]:
    # the text of the JSON first: it is cheap, and leaves few rows for the values themselves
    leaf = func.json_tree(jobs.c.payload).table_valued("atom")
    error = func.json_each(jobs.c.errors).table_valued("value")
    return or_(
        and_(_written(jobs.c.payload, word), _any(leaf, _text_has(leaf.c.atom, word))),
        and_(
            _written(jobs.c.errors, word),
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
            has_text(jobs.c.payload, written),
            _any(leaf, plain, _text_has(leaf.column.op("#>>")(cast(literal("{}"), ARRAY(Text))), word)),
        ),
        and_(
            has_text(jobs.c.errors, written),
            _any(error, _text_has(func.jsonb_extract_path_text(error.column, "text"), word)),
        ),
    )


def _any(source: Any, *conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists(select(literal(1)).select_from(source).where(*conditions))


def _written(column: ColumnElement[Any], word: str) -> ColumnElement[bool]:
    """Return whether the text of a JSON column has the parts of a word that are written as they are, not escaped."""
    word = normalize("NFC", word)  # whose accents are no characters of their own
    written = re.sub("([/%_])", r"/\1", json.dumps(word, ensure_ascii=False)[1:-1].lower())
    return cast(column, Text).like(f"%{_NOT_AS_WRITTEN.sub('%', written)}%", escape="/")


def _text_has(value: ColumnElement[Any], word: str) -> ColumnElement[bool]:
    text = cast(value, Text)
    return and_(has_text(text, word), text.not_like(f"{ENCRYPTED_PREFIX}%"))
