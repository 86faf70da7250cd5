"""Diagnostics: the warnings and errors of a job, as its row stores them. Pure.

A diagnostic is ``{"text", "at"}``. If it can be translated, it also has a ``"key"`` and
``"parameters"``: a page then shows it in the viewer's language, and falls back to ``text``.
An exception that was not meant for users has the key `UNEXPECTED` and the ``"name"`` of its class.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from webapp.jobs.model import json_values
from webapp.jobs.model.incoming_text import TEXT_LIMIT, clean_text, clean_values

MAX_DIAGNOSTICS = 200
UNEXPECTED = "unexpected_error"
KEY_LIMIT = 200  # characters
PARAMETERS_LIMIT = 4 * 1024  # bytes of JSON
Diagnostic = Mapping[str, Any]


def make_diagnostic(
    text: str, key: str = "", parameters: Mapping[str, Any] | None = None, **extra: Any
) -> dict[str, Any]:
    """Return a diagnostic; raises `NotStorable` for parameters that are not JSON or are too large."""
    diagnostic: dict[str, Any] = {"text": clean_text(text, TEXT_LIMIT), **extra}
    if key:
        checked = json_values.check_json(parameters or {}, "The parameters of a warning or an error", PARAMETERS_LIMIT)
        diagnostic |= {"key": clean_text(key, KEY_LIMIT), "parameters": clean_values(checked)}
    return diagnostic


def check_diagnostic(diagnostic: Diagnostic) -> dict[str, Any]:
    """Return a diagnostic that the application built, cut to size; raises `NotStorable` if it has no text."""
    if not isinstance(diagnostic.get("text"), str):
        message = "A warning or an error must be a text or a mapping with a text."
        raise json_values.NotStorable(message)
    extra = {"at": str(diagnostic["at"])} if diagnostic.get("at") else {}
    return make_diagnostic(diagnostic["text"], diagnostic.get("key") or "", diagnostic.get("parameters"), **extra)


def limit_diagnostics(diagnostics: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return at most `MAX_DIAGNOSTICS` of them; if there are more, the last one counts the rest."""
    if len(diagnostics) <= MAX_DIAGNOSTICS:
        return list(diagnostics)
    return [*diagnostics[: MAX_DIAGNOSTICS - 1], {"text": omitted_message(len(diagnostics) - MAX_DIAGNOSTICS + 1)}]


def omitted_message(count: int) -> str:
    """Return the text that says how many diagnostics were dropped."""
    return f"… and {count} more."
