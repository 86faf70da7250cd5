"""The form of a payload class: it shows first values, takes what was typed, and says what is wrong.

Knows no request: what was typed is any multi-dict, files are what `incoming` received.
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
        """``initial`` are values as JSON (a job's payload); ``typed`` is what a form has sent."""
        self.zone = zone
        self.files = dict(files or {})
        self._payload_class = payload_class
        super().__init__({spec.name: field_for(spec, zone) for spec in field_specs(payload_class)})
        self.process(typed, data=dict(initial or {}))

    def values(self) -> dict[str, Any]:
        """Return what the payload class is to check; what was not asked or sent is left out."""
        typed = {name: field.answer for name, field in self._fields.items() if field.answer is not ABSENT}
        return typed | {name: _described(file) for name, file in self.files.items()}

    def accepts(self, known: Mapping[str, str] | None = None) -> bool:
        """Check everything in one round, ``known`` errors included; then each field has its own."""
        self.validate()  # only collects what could not be read
        self.complain(known or {})
        try:
            self._payload_class.model_validate(self.values())
        except ValidationError as error:
            self.complain(sentences(error))
        return not self.errors

    def complain(self, errors: Mapping[str, str]) -> None:
        """Add one sentence per field; a field that has one already keeps it."""
        for name, said in errors.items():
            sentence = translated(said)
            field = self._fields.get(name)
            if field is None:
                self.form_errors.append(sentence)
            elif not field.errors:
                field.errors = [field.left_open if said == FILL_IN else sentence]

    def wrong(self) -> Iterator[Field]:
        """Go through the fields that have errors, in their order."""
        return (field for field in self if field.errors)

    @property
    def has_uploads(self) -> bool:
        """It asks for a file."""
        return any(field.spec.is_upload for field in self)


def form_values(payload_class: type[BaseModel], typed: MultiDict[str, str], zone: tzinfo = UTC) -> dict[str, Any]:
    """Return the values that a form has sent, ready for the payload class to check."""
    return PayloadForm(payload_class, zone=zone, typed=typed).values()


def initial_values(payload: BaseModel) -> dict[str, Any]:
    """Return the first values of a form that shows ``payload`` again; secrets stay out."""
    return payload.model_dump(mode="json", by_alias=True)


def _described(file: StoredFile) -> Upload:
    return Upload(name=file.name, size=file.size, sha256=file.sha256, media_type=file.media_type)
