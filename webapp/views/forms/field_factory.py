"""Creates the form field for each field of a payload class; unsupported types become a JSON field."""

from collections.abc import Mapping
from datetime import tzinfo
from typing import Any

from wtforms.fields.choices import SelectChoice
from wtforms.fields.core import UnboundField
from wtforms.widgets import DateInput, EmailInput, NumberInput, PasswordInput, Select, TextArea, TimeInput, URLInput

from webapp.jobs.definition.field_specs import ABSENT, FieldSpec
from webapp.views.forms import converters, widgets
from webapp.views.forms.choices import RADIO, ChoiceField, MultipleChoiceField, labels_of, tokens_of
from webapp.views.forms.fields import FileField, SectionField, SwitchField, TextField
from webapp.views.forms.widgets import date_attributes, number_attributes
from webapp.views.text.number_format import join_with_or
from webapp.views.text.stored_messages import translated
from webapp.views.text.translations import gettext as _
from webapp.views.text.translations import lazy_gettext

FEW = 4  # up to this many options are shown as radio buttons
_LONG = 200  # longer texts get a text area
_FORMATS: Mapping[str, Any] = {
    "date": (converters.TRIMMED, DateInput),
    "time": (converters.TIME, widgets.ClockTimeInput),
    "zoneless-date-time": (converters.ZONELESS, widgets.DateTimeInput),
    "email": (converters.TRIMMED, EmailInput),
    "uri": (converters.TRIMMED, URLInput),
    "duration": (converters.DURATION, widgets.LineInput),
}
_NOTES: Mapping[str, str] = {"duration": lazy_gettext("Hours, minutes and seconds, such as 01:30:00.")}
_YES_NO = {"true": True, "false": False}


def field_for(spec: FieldSpec, zone: tzinfo) -> UnboundField:
    """Return the form field for ``spec``; times are entered in ``zone``."""
    schema = spec.schema
    if spec.fields:
        return SectionField(spec=spec, **_named(spec, required=False))
    if spec.is_upload:
        return _file(spec)
    if tokens := tokens_of(schema):
        return _one_of(spec, tokens, labels_of(schema, tokens))
    if schema.get("type") == "boolean":
        return _yes_or_no(spec)
    if schema.get("type") == "array":
        return _list(spec)
    return _typed(spec, zone)


def _file(spec: FieldSpec) -> UnboundField:
    accept = str(spec.schema.get("accept", ""))
    endings = [part.strip() for part in accept.split(",") if part.strip().startswith(".")]
    note = _("Accepts %(endings)s.", endings=join_with_or(endings)) if endings else ""
    required = spec.required if spec.takes_files else None
    return FileField(spec=spec, **_named(spec, note=note, required=required, accept=accept or False))


def _yes_or_no(spec: FieldSpec) -> UnboundField:
    if spec.nullable:
        return _one_of(spec, _YES_NO, {"true": _("Yes"), "false": _("No")})
    return SwitchField(spec=spec, **_named(spec, required=False))


def _one_of(spec: FieldSpec, tokens: dict[str, Any], labels: Mapping[str, str]) -> UnboundField:
    radio = len(tokens) <= FEW
    if spec.nullable or (not radio and spec.default is ABSENT):
        labels = {"": _("Not set") if spec.nullable else _("Choose…"), **labels}
    choices = [SelectChoice(token, label) for token, label in labels.items()]
    kind = RADIO if radio else {"widget": Select()}
    return ChoiceField(spec=spec, tokens=tokens, choices=choices, **kind, **_named(spec))


def _list(spec: FieldSpec) -> UnboundField:
    items = spec.schema.get("items", {})
    if tokens := tokens_of(items):
        labels = labels_of(items, tokens, spec.schema)
        choices = [SelectChoice(token, label) for token, label in labels.items()]
        return MultipleChoiceField(spec=spec, tokens=tokens, choices=choices, **_named(spec, required=False))
    if items.get("type") in {"string", "integer", "number"} and items.get("format") not in {"date-time", "password"}:
        required = bool(spec.schema.get("minItems"))
        return _text(
            spec, converters.LINES, TextArea(), note=_("One entry per line."), rows=4, empty=[], required=required
        )
    return _json(spec)


def _json(spec: FieldSpec) -> UnboundField:
    return _text(spec, converters.JSON, TextArea(), note=_("Enter JSON."), rows=4, spellcheck="false", class_="code")


def _typed(spec: FieldSpec, zone: tzinfo) -> UnboundField:
    schema = spec.schema
    kind, form = schema.get("type"), schema.get("format", "")
    if kind in {"integer", "number"}:
        return _text(spec, converters.NUMBER, NumberInput(), **number_attributes(schema))
    if kind != "string":
        return _json(spec)
    if form == "password":
        note = _("Stored encrypted and never shown.")
        return _text(spec, converters.PLAIN, PasswordInput(), note=note, secret=True, autocomplete="off")
    if form == "date-time":
        return _text(
            spec,
            converters.datetime_converter(zone),
            widgets.DateTimeInput(),
            note=_("Time zone: %(zone)s.", zone=zone),
        )
    if form in _FORMATS:
        converter, widget = _FORMATS[form]
        return _text(spec, converter, widget(), note=str(_NOTES.get(form, "")), **date_attributes(schema))
    return _plain(spec) if form in {"", "binary"} else _text(spec, converters.TRIMMED, widgets.LineInput())


def _plain(spec: FieldSpec) -> UnboundField:
    schema, required = spec.schema, spec.required
    lengths = {key.lower(): schema[key] for key in ("minLength", "maxLength") if key in schema}
    long = schema.get("multiline") or schema.get("maxLength", 0) > _LONG
    widget = {"widget": TextArea(), "rows": 4} if long else {"widget": widgets.LineInput()}
    return _text(spec, converters.PLAIN, empty=ABSENT if required else "", required=required, **widget, **lengths)


def _text(
    spec: FieldSpec,
    converter: converters.Converter,
    widget: Any,
    *,
    secret: bool = False,
    empty: Any = ABSENT,
    **attributes: Any,
) -> UnboundField:
    if spec.example and not isinstance(widget, (DateInput, TimeInput, widgets.DateTimeInput)):
        attributes["placeholder"] = _("e.g. %(example)s", example=spec.example)
    if secret:
        attributes.setdefault("required", spec.required)
    return TextField(
        spec=spec, converter=converter, secret=secret, empty=empty, widget=widget, **_named(spec, **attributes)
    )


def _named(spec: FieldSpec, *, note: str = "", required: bool | None = None, **attributes: Any) -> dict[str, Any]:
    """Return label, help, id, default and attributes; fields that cannot be empty are required.

    Inside a section that can be left out, only the server can tell whether a field is empty.
    """
    required = (required is not False) and not spec.can_be_empty and not spec.conditional
    return {
        "label": translated(spec.title),
        "description": " ".join(filter(None, [translated(spec.help), note])),
        "id": f"field-{spec.name}",
        "default": spec.default,
        "render_kw": {"required": required, **attributes},
    }
