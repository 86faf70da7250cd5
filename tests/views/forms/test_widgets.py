from typing import Any

import pytest
from wtforms import BooleanField, Form, SelectChoice, SelectMultipleField, StringField
from wtforms.widgets import CheckboxInput

from webapp.views.forms.widgets import (
    ClockTimeInput,
    DateTimeInput,
    LineInput,
    OptionList,
    SwitchInput,
    date_attributes,
    number_attributes,
)


class Example(Form):
    line = StringField(widget=LineInput())
    at = StringField(widget=DateTimeInput())
    clock = StringField(widget=ClockTimeInput())
    switch = BooleanField(widget=SwitchInput())
    options = SelectMultipleField(
        choices=[SelectChoice("a", "<A>"), SelectChoice("b", "B")],
        widget=OptionList(sends_when_empty=True),
        option_widget=CheckboxInput(),
    )


def rendered(name: str, value: Any) -> str:
    return str(Example(data={name: value})[name]())


def test_a_text_with_line_breaks_gets_a_text_area() -> None:
    assert rendered("line", "one").startswith("<input")
    assert rendered("line", "one\ntwo").startswith("<textarea")


@pytest.mark.parametrize(
    ("name", "minutes", "seconds"), [("at", "2026-11-28T10:02", "2026-11-28T10:02:11"), ("clock", "10:02", "10:02:11")]
)
def test_seconds_can_be_chosen_only_if_the_value_has_some(name: str, minutes: str, seconds: str) -> None:
    assert "step" not in rendered(name, minutes)
    assert 'step="any"' in rendered(name, seconds)


def test_a_switch_sends_an_empty_value_when_it_is_off() -> None:
    assert rendered("switch", value=False).startswith('<input name="switch" type="hidden" value="">')


def test_options_are_escaped_and_inside_their_labels() -> None:
    html = rendered("options", ["b"])
    assert html.startswith('<input name="options" type="hidden" value="">')
    assert html.count("<label>") == 2
    assert "&lt;A&gt;" in html
    assert html.count("checked") == 1


@pytest.mark.parametrize(
    ("schema", "attributes"),
    [
        ({"type": "integer", "exclusiveMinimum": 0, "maximum": 9}, {"min": 1, "max": 9, "step": 1}),
        ({"type": "integer", "minimum": 1, "multipleOf": 5}, {"min": 5, "step": 5}),
        ({"type": "number", "exclusiveMinimum": 0}, {"min": 0, "step": "any"}),
        ({"type": "number", "minimum": 0, "step": "0.01"}, {"min": 0, "step": "0.01"}),
        ({"type": "number", "multipleOf": 0.5}, {"step": "any"}),
    ],
)
def test_steps_of_numbers_begin_at_a_valid_number(schema: dict[str, Any], attributes: dict[str, Any]) -> None:
    mode = "numeric" if schema["type"] == "integer" else "decimal"
    assert number_attributes(schema) == {**attributes, "inputmode": mode}


def test_dates_have_their_bounds() -> None:
    assert date_attributes({"min": "2026-01-01", "title": "Day"}) == {"min": "2026-01-01"}
