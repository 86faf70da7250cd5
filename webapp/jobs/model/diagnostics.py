"""Notes: the warnings and errors of a job, as its row keeps them. Pure.

A note is ``{"text", "at"}``; with a translation also ``"key"``, and ``"parameters"`` to fill it
with: then a page may say it in the reader's language, and ``text`` is what it says otherwise.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from webapp.jobs.model import json_values

LIMIT = 200
TEXT_LIMIT = 8 * 1024  # characters
PARAMETERS_LIMIT = 4 * 1024  # bytes of JSON
Note = Mapping[str, Any]


def note(text: str, key: str = "", parameters: Mapping[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """Return a note; raises `NotStorable` for parameters that are no JSON or too large."""
    made: dict[str, Any] = {"text": json_values.text(text)[:TEXT_LIMIT], **more}
    if key:
        named = json_values.checked(parameters or {}, "The parameters of a warning or an error", PARAMETERS_LIMIT)
        made |= {"key": json_values.text(key), "parameters": named}
    return made


def checked(given: Note) -> dict[str, Any]:
    """Return a note that somebody made by hand, if it is one; else raise `NotStorable`."""
    if not isinstance(given.get("text"), str):
        message = "A warning or an error is a text, or a mapping with a text."
        raise json_values.NotStorable(message)
    more = {"at": str(given["at"])} if given.get("at") else {}
    return note(given["text"], given.get("key") or "", given.get("parameters"), **more)


def bounded(notes: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return at most `LIMIT` notes; the last one then counts the rest."""
    if len(notes) <= LIMIT:
        return list(notes)
    return [*notes[: LIMIT - 1], {"text": more(len(notes) - LIMIT + 1)}]


def more(count: int) -> str:
    """Say how many notes are not kept."""
    return f"… and {count} more."
