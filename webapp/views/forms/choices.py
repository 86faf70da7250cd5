"""Fields that offer options. In the page, a token stands for the value of each option."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from wtforms import SelectField, SelectMultipleField
from wtforms.widgets import CheckboxInput, RadioInput, Select

from webapp.jobs.definition.field_specs import FieldSpec
from webapp.jobs.definition.readable_names import humanize
from webapp.views.forms.fields import SpecField
from webapp.views.forms.widgets import OptionList
from webapp.views.text.stored_messages import translated
from webapp.views.text.translations import lazy_gettext

RADIO = {"widget": OptionList(sends_when_empty=False), "option_widget": RadioInput()}


class ChoiceField(SpecField, SelectField):  # type: ignore[misc]
    """One of several options, identified by tokens in the page."""

    empty_error = lazy_gettext("Choose one of the options.")

    def __init__(self, *, spec: FieldSpec, tokens: dict[str, Any], **options: Any) -> None:
        super().__init__(validate_choice=False, **options)
        self.spec = spec
        self._tokens = tokens
        self.layout = "field" if isinstance(self.widget, Select) else "group"

    def process_data(self, value: Any) -> None:
        """Select the option of a value."""
        self.data = _token_of(value, self._tokens) or ("" if self.spec.nullable else None)

    def process_formdata(self, values: Sequence[str]) -> None:
        """Read the submitted token; an unknown one is passed to pydantic unchanged."""
        if not values:
            return
        token = str(values[0])
        self.data = token
        self.answer = self._tokens.get(token, token) if token else self._empty()


class MultipleChoiceField(SpecField, SelectMultipleField):  # type: ignore[misc]
    """Any number of several options."""

    empty_error = lazy_gettext("Choose one or more options.")
    layout = "group"
    widget = OptionList(sends_when_empty=True)
    option_widget = CheckboxInput()

    def __init__(self, *, spec: FieldSpec, tokens: dict[str, Any], **options: Any) -> None:
        super().__init__(validate_choice=False, **options)
        self.spec = spec
        self._tokens = tokens

    def process_data(self, value: Any) -> None:
        """Select the options of the values."""
        known = value if isinstance(value, (list, tuple)) else ()
        self.data = [token for item in known if (token := _token_of(item, self._tokens))]

    def process_formdata(self, values: Sequence[str]) -> None:
        """Read the submitted tokens; an empty one only shows that the field was in the form."""
        if not values:
            return
        ticked = [token for token in values if token]
        self.data = ticked
        self.answer = [self._tokens.get(token, token) for token in ticked] or self._empty([])


def tokens_of(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Map tokens to values; a text is its own token unless two values look the same."""
    values = schema.get("enum") or ([schema["const"]] if "const" in schema else [])
    if values == [True]:
        return {}  # a single checkbox
    tokens = [value if isinstance(value, str) else json.dumps(value) for value in values]
    clash = len(set(tokens)) < len(tokens) or "" in tokens
    return dict(zip([json.dumps(value) for value in values] if clash else tokens, values, strict=True))


def labels_of(schema: Mapping[str, Any], tokens: Mapping[str, Any], *more: Mapping[str, Any]) -> dict[str, str]:
    """Map tokens to labels; the author's labels (a mapping on the field, a list on the Enum) take precedence."""
    labels: Any = next((source["labels"] for source in (*more, schema) if source.get("labels")), {})
    if isinstance(labels, list):
        labels = dict(zip(tokens, labels, strict=False))
    return {token: translated(_label(token, value, labels)) for token, value in tokens.items()}


def _label(token: str, value: object, labels: Mapping[str, Any]) -> str:
    """Return the label of an option, also if its token differs from its text, as that of an empty text does."""
    given = labels.get(token) or (labels.get(value) if isinstance(value, str) else None)
    return str(given or humanize(str(value)))


def label_of(spec: FieldSpec, value: object) -> str | None:
    """Return the label of a value among the options of a field, or None if it is not an option."""
    schema = spec.schema
    options = schema.get("items", {}) if isinstance(value, list) else schema
    tokens = tokens_of(options)
    labels = labels_of(options, tokens, schema)
    chosen = value if isinstance(value, list) else [value]
    known = [labels[token] for item in chosen if (token := _token_of(item, tokens))]
    return ", ".join(known) if known and len(known) == len(chosen) else None


def _token_of(value: Any, tokens: dict[str, Any]) -> str | None:
    """Return the token of a value, or None; ``True`` and 1 are different values here."""
    return next((token for token, known in tokens.items() if known == value and type(known) is type(value)), None)
