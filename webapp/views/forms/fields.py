"""Fields to type into, to switch and to choose a file. Each hands over its answer as it was typed."""

from collections.abc import Sequence
from typing import Any

from wtforms import Field
from wtforms.widgets import FileInput

from webapp.views.forms.converters import Converter
from webapp.views.forms.questions import ABSENT, FieldSpec
from webapp.views.forms.widgets import SwitchInput
from webapp.views.text.translations import gettext as _
from webapp.views.text.translations import lazy_gettext

FILL_IN = lazy_gettext("Fill in this field.")


class SpecField:
    """What all kinds share: the spec, and the answer for the payload.

    Not sent at all is ``ABSENT``. Sent empty is None where that is allowed, else what the kind
    makes of it, else a question left open.
    """

    spec: FieldSpec
    answer: Any = ABSENT
    layout = "field"
    left_open: Any = FILL_IN
    secret = False

    def _empty(self, otherwise: Any = ABSENT) -> Any:
        if self.spec.can_be_empty:
            return None if self.spec.nullable else ABSENT
        if otherwise is ABSENT:
            raise ValueError(str(self.left_open))
        return otherwise


class TextField(SpecField, Field):  # type: ignore[misc]
    """Anything that is typed as text, in one of the scripts."""

    def __init__(
        self, *, spec: FieldSpec, script: Converter, empty: Any = ABSENT, secret: bool = False, **options: Any
    ) -> None:
        super().__init__(**options)
        self.spec = spec
        self._script = script
        self._empty_answer = empty
        self.secret = secret

    def process_data(self, value: Any) -> None:
        """Show a value; a secret is never shown."""
        unknown = value is None or value is ABSENT or self.secret
        self.data = "" if unknown else self._written(value)

    def process_formdata(self, values: Sequence[str]) -> None:
        """Take what was typed; a form sends line breaks as CR LF."""
        if not values:
            return
        self.data = values[0].replace("\r\n", "\n")
        if "\x00" in self.data:
            message = _("This text contains a character that cannot be stored.")
            raise ValueError(message)
        self.answer = self._read(self.data)

    def _written(self, value: Any) -> str:
        try:
            return self._script.write(value)
        except (TypeError, ValueError, OverflowError):
            return ""  # a value of another shape: the payload class has changed since

    def _read(self, text: str) -> Any:
        if text:
            return self._script.read(text)
        if self.secret and not self.spec.required:
            return ABSENT  # the default was not shown, so it was not taken away
        return self._empty(self._empty_answer)

    def _value(self) -> str:
        return str(self.data)


class SwitchField(SpecField, Field):  # type: ignore[misc]
    """Yes or no."""

    left_open = lazy_gettext("Check this box to continue.")
    layout = "switch"
    widget = SwitchInput()

    def __init__(self, *, spec: FieldSpec, **options: Any) -> None:
        super().__init__(**options)
        self.spec = spec

    def process_data(self, value: Any) -> None:
        """Be on or off."""
        self.data = value is True

    def process_formdata(self, values: Sequence[str]) -> None:
        """Off sends one empty value, on a second one."""
        if values:
            self.data = self.answer = bool(values[-1])

    def _value(self) -> str:
        return "true"


class FileField(SpecField, Field):  # type: ignore[misc]
    """A file. Its bytes never pass here: `incoming` receives them and says what came."""

    left_open = lazy_gettext("Choose a file.")
    layout = "file"
    widget = FileInput()

    def __init__(self, *, spec: FieldSpec, **options: Any) -> None:
        super().__init__(**options)
        self.spec = spec

    def process_data(self, _: Any) -> None:
        """A file cannot be filled in beforehand."""
        self.data = None

    def _value(self) -> str:
        return ""
