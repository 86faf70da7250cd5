"""The form of a payload class: shows values, reads the input and explains errors.

It knows no request: the input is any multi-dict, and files come from `upload_staging`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Any

from pydantic import BaseModel, ValidationError
from werkzeug.datastructures import MultiDict
from wtforms import Field
from wtforms.form import BaseForm

from webapp.jobs.definition.field_specs import ABSENT, FieldSpec, Upload, all_specs, field_specs
from webapp.jobs.store.file_store import StoredFile
from webapp.views.forms.field_factory import field_for
from webapp.views.forms.fields import FILL_IN
from webapp.views.forms.validation_messages import sentences
from webapp.views.text.stored_messages import translated


@dataclass(frozen=True, slots=True)
class FormNode:
    """A field of a form; a section has the nodes of its fields."""

    field: Field
    nodes: tuple["FormNode", ...]


class PayloadForm(BaseForm):  # type: ignore[misc]
    """One field per field of the payload class, in its order; a nested model is a section with its fields.

    `BaseForm` keeps fields in a mapping, so a payload may have a field named ``data``.
    """

    def __init__(
        self,
        payload_class: type[BaseModel],
        *,
        zone: tzinfo = UTC,
        initial: Mapping[str, Any] | None = None,
        typed: MultiDict[str, str] | None = None,
        files: Mapping[str, Sequence[StoredFile]] | None = None,
    ) -> None:
        """``initial`` are JSON values (a job's payload); ``typed`` is the submitted form."""
        self.zone = zone
        self.payload_class = payload_class
        self._specs = field_specs(payload_class)
        every = tuple(all_specs(self._specs))
        super().__init__({spec.name: field_for(spec, zone) for spec in every})
        data = {spec.name: value for spec in every if (value := spec.value_in(initial or {})) is not ABSENT}
        self.process(typed, data=data)
        left_out = {spec.name for section in every if self._leaves_out(section) for spec in all_specs(section.fields)}
        for name in left_out:
            self._fields[name].process_errors = []  # nobody reads what they hold
        self.files = {name: tuple(found) for name, found in (files or {}).items() if found and name not in left_out}

    def values(self) -> dict[str, Any]:
        """Return the values for the payload class; fields that were not submitted are left out."""
        return self._values(self._specs)

    @property
    def tree(self) -> tuple[FormNode, ...]:
        """The fields in form order, those of a section below it."""
        return self._nodes(self._specs)

    def accepts(self, known: Mapping[str, str] | None = None) -> bool:
        """Validate everything at once, including ``known`` errors, and attach errors to their fields."""
        self.validate()  # collects conversion errors
        self.add_errors(known or {})
        try:
            self.payload_class.model_validate(self.values())
        except ValidationError as error:
            self.add_errors(sentences(self.payload_class, error))
        return not self.errors

    def add_errors(self, errors: Mapping[str, str]) -> None:
        """Add one error per field; a field that already has an error keeps it."""
        for name, message in errors.items():
            sentence = translated(message)
            field = self._fields.get(name)
            if field is None:
                self.form_errors.append(sentence)
            elif not field.errors:
                field.errors = [field.empty_error if message == FILL_IN else sentence]

    def forget_errors(self) -> None:
        """Forget all errors, because the values are not used to start a job."""
        self.form_errors.clear()
        for field in self:
            field.errors = []

    def fields_with_errors(self) -> Iterator[Field]:
        """Return the fields that have errors, in form order."""
        return (field for field in self if field.errors)

    @property
    def has_uploads(self) -> bool:
        """Whether the form has a file field."""
        return any(field.spec.is_upload for field in self)

    def _nodes(self, specs: Sequence[FieldSpec]) -> tuple[FormNode, ...]:
        return tuple(FormNode(self._fields[spec.name], self._nodes(spec.fields)) for spec in specs)

    def _leaves_out(self, spec: FieldSpec) -> bool:
        return bool(spec.fields) and self._fields[spec.name].is_left_out

    def _values(self, specs: Sequence[FieldSpec]) -> dict[str, Any]:
        return {spec.key: value for spec in specs if (value := self._value(spec)) is not ABSENT}

    def _value(self, spec: FieldSpec) -> Any:
        if spec.fields:
            return self._section(spec)
        if spec.name in self.files:
            described = [_described(file) for file in self.files[spec.name]]
            return described if spec.takes_files else described[0]
        return self._fields[spec.name].answer

    def _section(self, spec: FieldSpec) -> Any:
        """Return the values of a section; None if it is left out, and nothing if it was not in the form."""
        if self._leaves_out(spec):
            return None
        inside = self._values(spec.fields)
        is_wanted = spec.required and not spec.nullable  # then its missing fields are told one by one
        return inside if inside or is_wanted or self._fields[spec.name].answer is True else ABSENT


def form_values(payload_class: type[BaseModel], typed: MultiDict[str, str], zone: tzinfo = UTC) -> dict[str, Any]:
    """Return the submitted values for the payload class."""
    return PayloadForm(payload_class, zone=zone, typed=typed).values()


def initial_values(payload: BaseModel) -> dict[str, Any]:
    """Return the initial values of a form that shows ``payload`` again, without secrets."""
    return payload.model_dump(mode="json", by_alias=True)


def _described(file: StoredFile) -> Upload:
    return Upload(name=file.name, size=file.size, sha256=file.sha256, media_type=file.media_type)
