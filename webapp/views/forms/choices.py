"""Fields that offer options. In the page a token stands for each option's value."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from wtforms import SelectField, SelectMultipleField
from wtforms.widgets import CheckboxInput, RadioInput, Select

from webapp.views.forms.fields import SpecField
from webapp.views.forms.questions import FieldSpec, humanize
from webapp.views.forms.widgets import OptionList
from webapp.views.text.stored_messages import translated
from webapp.views.text.translations import lazy_gettext

RADIO = {"widget": OptionList(sends_when_empty=False), "option_widget": RadioInput()}


class ChoiceField(SpecField, SelectField):  # type: ignore[misc]
    """One of several options, by the tokens that stand for them in the page."""

    left_open = lazy_gettext("Choose one of the options.")

    def __init__(self, *, spec: FieldSpec, tokens: dict[str, Any], **options: Any) -> None:
        super().__init__(validate_choice=False, **options)
        self.spec = spec
        self._tokens = tokens
        self.layout = "field" if isinstance(self.widget, Select) else "group"

    def process_data(self, value: Any) -> None:
        """Choose the option of a value."""
        self.data = _token_of(value, self._tokens) or ("" if self.spec.nullable else None)

    def process_formdata(self, values: Sequence[str]) -> None:
        """Take the token that was sent; an unknown one goes to pydantic as it is."""
        if not values:
            return
        token = str(values[0])
        self.data = token
        self.answer = self._tokens.get(token, token) if token else self._empty()


class MultipleChoiceField(SpecField, SelectMultipleField):  # type: ignore[misc]
    """Any number of several options."""

    left_open = lazy_gettext("Choose one or more options.")
    layout = "group"
    widget = OptionList(sends_when_empty=True)
    option_widget = CheckboxInput()

    def __init__(self, *, spec: FieldSpec, tokens: dict[str, Any], **options: Any) -> None:
        super().__init__(validate_choice=False, **options)
        self.spec = spec
        self._tokens = tokens

    def process_data(self, value: Any) -> None:
        """Tick the options of the values."""
        known = value if isinstance(value, (list, tuple)) else ()
        self.data = [token for one in known if (token := _token_of(one, self._tokens))]

    def process_formdata(self, values: Sequence[str]) -> None:
        """Take the tokens that were sent; the empty one only says that the question was put."""
        if not values:
            return
        ticked = [token for token in values if token]
        self.data = ticked
        self.answer = [self._tokens.get(token, token) for token in ticked] or self._empty([])


def tokens_of(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Token to value; a text is its own token unless another value reads the same."""
    values = schema.get("enum") or ([schema["const"]] if "const" in schema else [])
    if values == [True]:
        return {}  # one box to tick
    tokens = [value if isinstance(value, str) else json.dumps(value) for value in values]
    clash = len(set(tokens)) < len(tokens) or "" in tokens
    return dict(zip([json.dumps(value) for value in values] if clash else tokens, values, strict=True))


def labels_of(schema: Mapping[str, Any], tokens: Mapping[str, Any], *more: Mapping[str, Any]) -> dict[str, str]:
    """Token to label: the author's words (a mapping on the field, a list on the Enum) go first."""
    said: Any = next((one["labels"] for one in (*more, schema) if one.get("labels")), {})
    if isinstance(said, list):
        said = dict(zip(tokens, said, strict=False))
    return {token: translated(str(said.get(token) or humanize(str(value)))) for token, value in tokens.items()}


def label_of(spec: FieldSpec, value: object) -> str | None:
    """Return what people read for a value among the options of a field; None where none is offered for it."""
    schema = spec.schema
    options = schema.get("items", {}) if isinstance(value, list) else schema
    tokens = tokens_of(options)
    labels = labels_of(options, tokens, schema)
    chosen = value if isinstance(value, list) else [value]
    known = [labels[token] for one in chosen if (token := _token_of(one, tokens))]
    return ", ".join(known) if known and len(known) == len(chosen) else None


def _token_of(value: Any, tokens: dict[str, Any]) -> str | None:
    """Return the token of a value; ``True`` is not 1 here. None if it has none."""
    return next((token for token, known in tokens.items() if known == value and type(known) is type(value)), None)
