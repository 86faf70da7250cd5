"""The form of a payload class: shows values, reads the input and explains errors.

It knows no request: the input is any multi-dict, and files come from `upload_staging`.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, tzinfo
from typing import Any

from pydantic import BaseModel, ValidationError
from werkzeug.datastructures import MultiDict
from wtforms import Field
from wtforms.form import BaseForm

from webapp.jobs.definition.job_type import Upload
from webapp.jobs.store.file_store import StoredFile
from webapp.views.forms.field_factory import field_for
from webapp.views.forms.fields import FILL_IN
from webapp.views.forms.questions import ABSENT, field_specs
from webapp.views.forms.validation_messages import sentences
from webapp.views.text.stored_messages import translated


class PayloadForm(BaseForm):  # type: ignore[misc]
    """One field per field of the payload class, in its order.

    `BaseForm` keeps fields in a mapping, so a payload may have a field named ``data``.
    """

    def __init__(
        self,
        payload_class: type[BaseModel],
        *,
        zone: tzinfo = UTC,
        initial: Mapping[str, Any] | None = None,
        typed: MultiDict[str, str] | None = None,
        files: Mapping[str, StoredFile] | None = None,
    ) -> None:
        """``initial`` are JSON values (a job's payload); ``typed`` is the submitted form."""
        self.zone = zone
        self.files = dict(files or {})
        self._payload_class = payload_class
        super().__init__({spec.name: field_for(spec, zone) for spec in field_specs(payload_class)})
        self.process(typed, data=dict(initial or {}))

    def values(self) -> dict[str, Any]:
        """Return the values for the payload class; fields that were not submitted are left out."""
        typed = {name: field.answer for name, field in self._fields.items() if field.answer is not ABSENT}
        return typed | {name: _described(file) for name, file in self.files.items()}

    def accepts(self, known: Mapping[str, str] | None = None) -> bool:
        """Validate everything at once, including ``known`` errors, and attach errors to their fields."""
        self.validate()  # collects conversion errors
        self.add_errors(known or {})
        try:
            self._payload_class.model_validate(self.values())
        except ValidationError as error:
            self.add_errors(sentences(error))
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

    def fields_with_errors(self) -> Iterator[Field]:
        """Return the fields that have errors, in form order."""
        return (field for field in self if field.errors)

    @property
    def has_uploads(self) -> bool:
        """Whether the form has a file field."""
        return any(field.spec.is_upload for field in self)


def form_values(payload_class: type[BaseModel], typed: MultiDict[str, str], zone: tzinfo = UTC) -> dict[str, Any]:
    """Return the submitted values for the payload class."""
    return PayloadForm(payload_class, zone=zone, typed=typed).values()


def initial_values(payload: BaseModel) -> dict[str, Any]:
    """Return the initial values of a form that shows ``payload`` again, without secrets."""
    return payload.model_dump(mode="json", by_alias=True)


def _described(file: StoredFile) -> Upload:
    return Upload(name=file.name, size=file.size, sha256=file.sha256, media_type=file.media_type)
