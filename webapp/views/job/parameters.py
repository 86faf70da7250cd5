"""The parameters of a job as text, with the labels of its payload class. Secrets stay hidden."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, get_args
from zoneinfo import ZoneInfo

from pydantic import BaseModel, SecretBytes, SecretStr
from pydantic.fields import FieldInfo

from webapp.jobs.definition.job_type import Upload
from webapp.jobs.definition.payload import is_secret
from webapp.jobs.definition.readable_names import humanize
from webapp.jobs.model.incoming_text import visible_text
from webapp.views.forms.choices import label_of
from webapp.views.forms.questions import FieldSpec, field_specs
from webapp.views.text.date_format import full_date
from webapp.views.text.translations import gettext as _

HIDDEN = "••••••"
VALUE_LIMIT = 240  # characters of a value on the page of a job; a longer value has its own page


@dataclass(frozen=True, slots=True, kw_only=True)
class JobParameter:
    """One field of a payload, as text."""

    label: str
    text: str
    hidden: bool = False
    name: str = ""

    @property
    def beginning(self) -> str:
        """The text, shortened for the page of a job."""
        return self.text if self.is_short else f"{self.text[:VALUE_LIMIT]}…"

    @property
    def is_short(self) -> bool:
        """Whether the page of a job shows the whole text."""
        return len(self.text) <= VALUE_LIMIT


def parameters(payload_class: type[BaseModel], stored: Mapping[str, Any], zone: ZoneInfo) -> tuple[JobParameter, ...]:
    """Return the parameters in the order of the payload's fields; ``stored`` is the payload of the row."""
    fields = payload_class.model_fields.items()
    specs = {question.name: question for question in field_specs(payload_class)}
    return tuple(
        _parameter(name, field, stored[name], zone, specs.get(name)) for name, field in fields if name in stored
    )


def label(name: str, field: FieldInfo) -> str:
    """Return the label of a field, the same as in its form."""
    return field.title or humanize(name)


def metadata_parameters(values: Mapping[str, Any]) -> tuple[JobParameter, ...]:
    """Return the metadata of a job as parameters; encrypted secrets stay hidden."""
    return tuple(
        JobParameter(label=humanize(name), text=HIDDEN if contains_secret(value) else _text(value), name=name)
        for name, value in values.items()
    )


def holds_secret(hint: object) -> bool:
    """Return whether a type contains a secret anywhere; then the whole value is hidden."""
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        return any(holds_secret(field.annotation) for field in hint.model_fields.values())
    return hint in (SecretStr, SecretBytes) or any(map(holds_secret, get_args(hint)))


def contains_secret(value: object) -> bool:
    """Return whether a stored value contains an encrypted secret anywhere."""
    if isinstance(value, Mapping):
        return is_secret(value) or any(map(contains_secret, value.values()))
    return isinstance(value, list) and any(map(contains_secret, value))


def _parameter(name: str, field: FieldInfo, value: object, zone: ZoneInfo, question: FieldSpec | None) -> JobParameter:
    if value is not None and (holds_secret(field.annotation) or contains_secret(value)):
        return _job_parameter(name, field, HIDDEN, hidden=True)
    if value is not None and _mentions(field.annotation, Upload) and isinstance(value, Mapping):
        return _job_parameter(name, field, str(value.get("name") or _("Not set")))
    if isinstance(value, str) and _mentions(field.annotation, datetime):
        return _job_parameter(name, field, _moment(value, zone))
    if isinstance(value, str) and _mentions(field.annotation, date):
        return _job_parameter(name, field, full_date(date.fromisoformat(value)))
    choice = label_of(question, value) if question else None
    return _job_parameter(name, field, choice or _text(value))


def _job_parameter(name: str, field: FieldInfo, text: str, *, hidden: bool = False) -> JobParameter:
    return JobParameter(label=label(name, field), text=text, hidden=hidden, name=name)


def _text(value: object) -> str:
    if value is None or value in ("", [], {}):
        return _("Not set")
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    if isinstance(value, list) and not any(isinstance(item, (list, dict)) for item in value):
        return ", ".join(map(_text, value))
    if isinstance(value, (list, Mapping)):
        return visible_text(json.dumps(value, ensure_ascii=False, indent=1))
    return visible_text(str(value))


def _moment(text: str, zone: ZoneInfo) -> str:
    at = datetime.fromisoformat(text)
    local = at.astimezone(zone) if at.tzinfo else at
    return f"{full_date(local)}, {local:%H:%M}"


def _mentions(hint: object, expected: type) -> bool:
    return hint is expected or any(_mentions(part, expected) for part in get_args(hint))
