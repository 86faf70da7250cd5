"""What a job was asked to do, typed and labelled by its payload's class. Secrets stay hidden."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, get_args
from zoneinfo import ZoneInfo

from pydantic import BaseModel, SecretBytes, SecretStr
from pydantic.fields import FieldInfo

from webapp.jobs.job_type import Upload
from webapp.jobs.payloads import is_secret
from webapp.views.forms.choices import label_of
from webapp.views.forms.questions import Question, questions
from webapp.views.forms.words import humanised

HIDDEN = "••••••"
_NOTHING = "Not set"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One field of a payload, as text."""

    label: str
    text: str
    hidden: bool = False


def parameters(payload_class: type[BaseModel], stored: Mapping[str, Any], zone: ZoneInfo) -> tuple[Parameter, ...]:
    """Return the payload's fields in their order; ``stored`` is the payload as it is in the row."""
    fields = payload_class.model_fields.items()
    asked = {question.name: question for question in questions(payload_class)}
    return tuple(
        _parameter(name, field, stored[name], zone, asked.get(name)) for name, field in fields if name in stored
    )


def label(name: str, field: FieldInfo) -> str:
    """Name a field as its form does."""
    return field.title or humanised(name)


def _parameter(name: str, field: FieldInfo, value: object, zone: ZoneInfo, question: Question | None) -> Parameter:
    if _holds_secret(field.annotation) or _contains_secret(value):
        return Parameter(label=label(name, field), text=HIDDEN, hidden=True)
    if value is not None and _mentions(field.annotation, Upload) and isinstance(value, Mapping):
        return Parameter(label=label(name, field), text=str(value.get("name", _NOTHING)))
    if isinstance(value, str) and _mentions(field.annotation, datetime):
        return Parameter(label=label(name, field), text=_moment(value, zone))
    if isinstance(value, str) and _mentions(field.annotation, date):
        return Parameter(label=label(name, field), text=_date(date.fromisoformat(value)))
    chosen = label_of(question, value) if question else None
    return Parameter(label=label(name, field), text=chosen or _text(value))


def _text(value: object) -> str:
    if value is None or value in ("", [], {}):
        return _NOTHING
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, list) and not any(isinstance(item, (list, dict)) for item in value):
        return ", ".join(map(_text, value))
    if isinstance(value, (list, Mapping)):
        return json.dumps(value, ensure_ascii=False, indent=1)
    return str(value)


def _moment(text: str, zone: ZoneInfo) -> str:
    at = datetime.fromisoformat(text)
    local = at.astimezone(zone) if at.tzinfo else at
    return f"{_date(local)}, {local:%H:%M}"


def _date(at: date) -> str:
    return f"{at.day} {at:%B %Y}"


def _mentions(hint: object, kind: type) -> bool:
    return hint is kind or any(_mentions(part, kind) for part in get_args(hint))


def _holds_secret(hint: object) -> bool:
    """Tell whether a secret is anywhere below: it hides the whole value: better too little than a leak."""
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        return any(_holds_secret(field.annotation) for field in hint.model_fields.values())
    return hint in (SecretStr, SecretBytes) or any(map(_holds_secret, get_args(hint)))


def _contains_secret(value: object) -> bool:
    if isinstance(value, Mapping):
        return is_secret(value) or any(map(_contains_secret, value.values()))
    return isinstance(value, list) and any(map(_contains_secret, value))
