"""The parameters of a job as text, with the labels of its payload class. Secrets stay hidden."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, get_args
from zoneinfo import ZoneInfo

from pydantic import BaseModel, SecretBytes, SecretStr

from webapp.jobs.definition.field_specs import ABSENT, FieldSpec, field_specs
from webapp.jobs.definition.payload import is_secret
from webapp.jobs.definition.readable_names import humanize
from webapp.jobs.execution.input_files import uploads_in
from webapp.jobs.model.incoming_text import visible_text
from webapp.time_zones import local_time
from webapp.views.forms.choices import label_of
from webapp.views.forms.fields import full_title
from webapp.views.text.date_format import full_date
from webapp.views.text.translations import gettext as _

HIDDEN = "••••••"
VALUE_LIMIT = 120  # characters of a value on the page of a job; a longer value has its own page


@dataclass(frozen=True, slots=True, kw_only=True)
class JobParameter:
    """One field of a payload, as text."""

    label: str
    text: str
    hidden: bool = False
    name: str = ""
    is_unset: bool = False

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
    return tuple(_parameters(field_specs(payload_class), stored, zone))


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


def without_secrets(value: Any) -> Any:
    """Return a stored value without its encrypted secrets."""
    if isinstance(value, Mapping):
        return {name: without_secrets(item) for name, item in value.items() if not is_secret(item)}
    return [without_secrets(item) for item in value if not is_secret(item)] if isinstance(value, list) else value


def contains_secret(value: object) -> bool:
    """Return whether a stored value contains an encrypted secret anywhere."""
    if isinstance(value, Mapping):
        return is_secret(value) or any(map(contains_secret, value.values()))
    return isinstance(value, list) and any(map(contains_secret, value))


def _parameters(specs: Sequence[FieldSpec], stored: Mapping[str, Any], zone: ZoneInfo) -> Iterator[JobParameter]:
    """Yield a parameter for each stored value; those of a nested model one by one."""
    for spec in specs:
        value = spec.value_in(stored)
        if spec.fields and isinstance(value, Mapping):
            yield from _parameters(spec.fields, stored, zone)
        elif value is not ABSENT:
            yield _parameter(spec, value, zone)


def _parameter(spec: FieldSpec, value: object, zone: ZoneInfo) -> JobParameter:
    if value is not None and (holds_secret(spec.annotation) or contains_secret(value)):
        return _job_parameter(spec, HIDDEN, hidden=True)
    if spec.is_upload:
        names = [str(upload.get("name")) for upload in uploads_in(value)]
        return _job_parameter(spec, ", ".join(names) or _("Not set"), is_unset=not names)
    if isinstance(value, str) and _mentions(spec.annotation, datetime):
        return _job_parameter(spec, _moment(value, zone))
    if isinstance(value, str) and _mentions(spec.annotation, date):
        return _job_parameter(spec, full_date(date.fromisoformat(value)))
    label = label_of(spec, value)
    return _job_parameter(spec, label or _text(value), is_unset=not label and _is_unset(value))


def _job_parameter(spec: FieldSpec, text: str, *, hidden: bool = False, is_unset: bool = False) -> JobParameter:
    return JobParameter(label=full_title(spec), text=text, hidden=hidden, name=spec.name, is_unset=is_unset)


def _is_unset(value: object) -> bool:
    return value is None or value in ("", [], {})


def _text(value: object) -> str:
    if _is_unset(value):
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
    local = local_time(at, zone) if at.tzinfo else at
    return f"{full_date(local)}, {local:%H:%M}"


def _mentions(hint: object, expected: type) -> bool:
    return hint is expected or any(_mentions(part, expected) for part in get_args(hint))
