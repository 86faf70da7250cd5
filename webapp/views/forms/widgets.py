"""Widgets that WTForms lacks, and the HTML attributes for bounds of numbers and dates.

Checkboxes send an empty value when they are off, so "off" differs from "not in the form".
"""

import math
from collections.abc import Mapping
from typing import Any

from markupsafe import Markup
from wtforms import Field
from wtforms.widgets import CheckboxInput, DateTimeLocalInput, TextArea, TextInput, TimeInput, html_params


class LineInput:
    """A single-line input, or a text area if the value has line breaks, which would be lost."""

    def __call__(self, field: Field, **attributes: Any) -> Markup:
        """Render the field."""
        widget = TextArea() if "\n" in field.data else TextInput()
        return Markup(widget(field, **attributes))  # noqa: S704  (WTForms escapes)


class DateTimeInput(DateTimeLocalInput):  # type: ignore[misc]
    """A date and time; seconds can be chosen where the value has some."""

    def __call__(self, field: Field, **attributes: Any) -> Markup:
        """Render the field."""
        return Markup(super().__call__(field, **_steps(field), **attributes))  # noqa: S704  (WTForms escapes)


class ClockTimeInput(TimeInput):  # type: ignore[misc]
    """A time of day; seconds can be chosen where the value has some."""

    def __call__(self, field: Field, **attributes: Any) -> Markup:
        """Render the field."""
        return Markup(super().__call__(field, **_steps(field), **attributes))  # noqa: S704  (WTForms escapes)


def _steps(field: Field) -> dict[str, str]:
    return {"step": "any"} if field.data.count(":") > 1 else {}


class SwitchInput(CheckboxInput):  # type: ignore[misc]
    """A checkbox that sends an empty value when it is off."""

    def __call__(self, field: Field, **attributes: Any) -> Markup:
        """Render the field."""
        return _off(field) + Markup(super().__call__(field, value="true", **attributes))  # noqa: S704


class OptionList:
    """Checkboxes or radio buttons, one per option, each inside its label."""

    def __init__(self, *, sends_when_empty: bool) -> None:
        """Radio buttons need no empty value, because one of them is always sent."""
        self._sends_when_empty = sends_when_empty

    def __call__(self, field: Field, **attributes: Any) -> Markup:
        """Render the options; the attributes go to each of them."""
        options = [Markup("<label>{} {}</label>").format(option(**attributes), option.label.text) for option in field]
        return Markup("").join([_off(field) if self._sends_when_empty else Markup(""), *options])


def _off(field: Field) -> Markup:
    return Markup("<input {}>").format(html_params(type="hidden", name=field.name, value=""))


def number_attributes(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return min, max and step. Browsers count steps from ``min``, so it must be a multiple of the step."""
    whole = schema["type"] == "integer"
    inside = 1 if whole else 0  # the first whole number beyond an exclusive bound
    low, high = _bound(schema, "inimum", inside), _bound(schema, "aximum", -inside)
    step = schema.get("multipleOf") or schema.get("step")
    if low is None or not step:
        step = 1 if whole else "any"
    elif whole:
        low = math.ceil(low / step) * step
    found = {"min": low, "max": high, "step": step, "inputmode": "numeric" if whole else "decimal"}
    return {name: value for name, value in found.items() if value is not None}


def _bound(schema: Mapping[str, Any], ending: str, inside: int) -> Any:
    exclusive = f"exclusiveM{ending}"
    return schema[exclusive] + inside if exclusive in schema else schema.get(f"m{ending}")


def date_attributes(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the first and last valid date."""
    return {name: schema[name] for name in ("min", "max") if name in schema}
