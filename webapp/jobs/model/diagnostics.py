"""Notes: the warnings and errors of a job, as its row keeps them. Pure.

A note is ``{"text", "at"}``; with a translation also ``"key"``, and ``"parameters"`` to fill it
with: then a page may say it in the reader's language, and ``storable_text`` is what it says otherwise.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from webapp.jobs.model import json_values

MAX_DIAGNOSTICS = 200
TEXT_LIMIT = 8 * 1024  # characters
PARAMETERS_LIMIT = 4 * 1024  # bytes of JSON
Diagnostic = Mapping[str, Any]


def make_diagnostic(
    text: str, key: str = "", parameters: Mapping[str, Any] | None = None, **extra: Any
) -> dict[str, Any]:
    """Return a note; raises `NotStorable` for parameters that are no JSON or too large."""
    made: dict[str, Any] = {"text": json_values.storable_text(text)[:TEXT_LIMIT], **extra}
    if key:
        named = json_values.check_json(parameters or {}, "The parameters of a warning or an error", PARAMETERS_LIMIT)
        made |= {"key": json_values.storable_text(key), "parameters": named}
    return made


def check_diagnostic(given: Diagnostic) -> dict[str, Any]:
    """Return a note that somebody made by hand, if it is one; else raise `NotStorable`."""
    if not isinstance(given.get("text"), str):
        message = "A warning or an error is a text, or a mapping with a text."
        raise json_values.NotStorable(message)
    extra = {"at": str(given["at"])} if given.get("at") else {}
    return make_diagnostic(given["text"], given.get("key") or "", given.get("parameters"), **extra)


def limit_diagnostics(notes: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return at most `MAX_DIAGNOSTICS` notes; the last one then counts the rest."""
    if len(notes) <= MAX_DIAGNOSTICS:
        return list(notes)
    return [*notes[: MAX_DIAGNOSTICS - 1], {"text": omitted_message(len(notes) - MAX_DIAGNOSTICS + 1)}]


def omitted_message(count: int) -> str:
    """Say how many notes are not kept."""
    return f"… and {count} more."
