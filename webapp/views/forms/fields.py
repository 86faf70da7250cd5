"""Form fields for text, switches and files. Each passes its answer on as it was entered."""

from collections.abc import Mapping, Sequence
from typing import Any

from wtforms import Field
from wtforms.widgets import FileInput

from webapp.jobs.definition.field_specs import ABSENT, FieldSpec
from webapp.views.forms.converters import Converter
from webapp.views.forms.widgets import SwitchInput
from webapp.views.text.stored_messages import translated
from webapp.views.text.translations import gettext as _
from webapp.views.text.translations import lazy_gettext

FILL_IN = lazy_gettext("Fill in this field.")


class SpecField:
    """Base of all fields: the field spec, and the answer for the payload.

    ``ABSENT`` means the field was not submitted. An empty answer becomes None if the field is
    nullable, else the field's own empty value, else an error.
    """

    spec: FieldSpec
    answer: Any = ABSENT
    layout = "field"
    empty_error: Any = FILL_IN
    secret = False

    @property
    def full_label(self) -> str:
        """The label behind those of the sections around the field."""
        return full_title(self.spec)

    def _empty(self, otherwise: Any = ABSENT) -> Any:
        if self.spec.can_be_empty:
            return None if self.spec.nullable else ABSENT
        if otherwise is ABSENT:
            raise ValueError(str(self.empty_error))
        return otherwise


class TextField(SpecField, Field):  # type: ignore[misc]
    """Any value that is entered as text, with a converter."""

    def __init__(
        self, *, spec: FieldSpec, converter: Converter, empty: Any = ABSENT, secret: bool = False, **options: Any
    ) -> None:
        super().__init__(**options)
        self.spec = spec
        self._converter = converter
        self._empty_answer = empty
        self.secret = secret

    def process_data(self, value: Any) -> None:
        """Show a value; secrets are never shown."""
        unknown = value is None or value is ABSENT or self.secret
        self.data = "" if unknown else self._written(value)

    def process_formdata(self, values: Sequence[str]) -> None:
        """Read the input; forms send line breaks as CR LF."""
        if not values:
            return
        self.data = values[0].replace("\r\n", "\n")
        if "\x00" in self.data:
            message = _("This text contains a character that cannot be stored.")
            raise ValueError(message)
        self.answer = self._read(self.data)

    def _written(self, value: Any) -> str:
        try:
            return self._converter.write(value)
        except (TypeError, ValueError, OverflowError):
            return ""  # the payload class has changed since the value was stored

    def _read(self, text: str) -> Any:
        if text:
            return self._converter.read(text)
        if self.secret and not self.spec.required:
            return ABSENT  # the default was not shown, so an empty answer keeps it
        return self._empty(self._empty_answer)

    def _value(self) -> str:
        return str(self.data)


class SwitchField(SpecField, Field):  # type: ignore[misc]
    """Yes or no."""

    empty_error = lazy_gettext("Check this box to continue.")
    layout = "switch"
    widget = SwitchInput()

    def __init__(self, *, spec: FieldSpec, **options: Any) -> None:
        super().__init__(**options)
        self.spec = spec

    def process_data(self, value: Any) -> None:
        """Set the switch."""
        self.data = value is True

    def process_formdata(self, values: Sequence[str]) -> None:
        """Read the switch: off sends one empty value, on sends a second value."""
        if values:
            self.data = self.answer = bool(values[-1])

    def _value(self) -> str:
        return "true"


class SectionField(SpecField, Field):  # type: ignore[misc]
    """A nested model: its fields are in the form, too. One that can be left out has a switch."""

    layout = "section"
    widget = SwitchInput()

    def __init__(self, *, spec: FieldSpec, **options: Any) -> None:
        super().__init__(**options)
        self.spec = spec

    @property
    def is_left_out(self) -> bool:
        """Whether its switch was submitted and is off."""
        return self.answer is False

    def process_data(self, value: Any) -> None:
        """Set the switch: on, if there is a value."""
        self.data = isinstance(value, Mapping) or not self.spec.nullable

    def process_formdata(self, values: Sequence[str]) -> None:
        """Read the switch."""
        if values and self.spec.nullable:
            self.data = self.answer = bool(values[-1])

    def _value(self) -> str:
        return "true"


class FileField(SpecField, Field):  # type: ignore[misc]
    """A file, or several. `streaming_uploads` receives its content, which never passes through this field."""

    empty_error = lazy_gettext("Choose a file.")
    layout = "file"
    widget = FileInput()

    def __init__(self, *, spec: FieldSpec, **options: Any) -> None:
        super().__init__(**options)
        self.spec = spec
        if spec.takes_files:
            self.empty_error = lazy_gettext("Choose one or more files.")
            self.widget = FileInput(multiple=True)

    def process_data(self, _: Any) -> None:
        """Start empty: a file input cannot have a default."""
        self.data = None

    def _value(self) -> str:
        return ""


def full_title(spec: FieldSpec) -> str:
    """Return the title of a field behind those of the sections around it: "Address: Street"."""
    return ": ".join(translated(title) for title in (*spec.sections, spec.title))
