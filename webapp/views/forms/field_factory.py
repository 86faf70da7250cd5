"""Which kind of field asks a question. What no kind fits is asked as JSON, never refused."""

from collections.abc import Mapping
from datetime import tzinfo
from typing import Any

from wtforms.fields.choices import SelectChoice
from wtforms.fields.core import UnboundField
from wtforms.widgets import DateInput, EmailInput, NumberInput, PasswordInput, Select, TextArea, TimeInput, URLInput

from webapp.views.forms import converters, widgets
from webapp.views.forms.choices import RADIO, ManyOf, OneOf, labels_of, tokens_of
from webapp.views.forms.fields import FileField, SwitchField, TextField
from webapp.views.forms.questions import ABSENT, Question
from webapp.views.forms.widgets import edges, steps
from webapp.views.text.number_format import one_of
from webapp.views.text.stored_messages import translated
from webapp.views.text.translations import gettext as _
from webapp.views.text.translations import lazy_gettext

FEW = 4  # so many options are quicker to see than to open
_LONG = 200  # characters that no single line shows
_FORMATS: Mapping[str, Any] = {
    "date": (converters.TRIMMED, DateInput),
    "time": (converters.TIME, widgets.Time),
    "zoneless-date-time": (converters.ZONELESS, widgets.Moment),
    "email": (converters.TRIMMED, EmailInput),
    "uri": (converters.TRIMMED, URLInput),
    "duration": (converters.DURATION, widgets.Line),
}
_NOTES: Mapping[str, str] = {"duration": lazy_gettext("Hours, minutes and seconds, such as 01:30:00.")}
_YES_NO = {"true": True, "false": False}


def field_for(question: Question, zone: tzinfo) -> UnboundField:
    """Return the field for a question; moments are typed on the clock of ``zone``."""
    schema = question.schema
    if question.is_upload:
        return _file(question)
    if tokens := tokens_of(schema):
        return _one_of(question, tokens, labels_of(schema, tokens))
    if schema.get("type") == "boolean":
        return _yes_or_no(question)
    if schema.get("type") == "array":
        return _list(question)
    return _typed(question, zone)


def _file(question: Question) -> UnboundField:
    accept = str(question.schema.get("accept", ""))
    endings = [part.strip() for part in accept.split(",") if part.strip().startswith(".")]
    note = _("Takes %(endings)s.", endings=one_of(endings)) if endings else ""
    return FileField(question=question, **_named(question, note=note, accept=accept or False))


def _yes_or_no(question: Question) -> UnboundField:
    if question.nullable:
        return _one_of(question, _YES_NO, {"true": _("Yes"), "false": _("No")})
    return SwitchField(question=question, **_named(question, required=False))


def _one_of(question: Question, tokens: dict[str, Any], labels: Mapping[str, str]) -> UnboundField:
    radio = len(tokens) <= FEW
    if question.nullable or (not radio and question.default is ABSENT):
        labels = {"": _("Not set") if question.nullable else _("Choose…"), **labels}
    choices = [SelectChoice(token, label) for token, label in labels.items()]
    kind = RADIO if radio else {"widget": Select()}
    return OneOf(question=question, tokens=tokens, choices=choices, **kind, **_named(question))


def _list(question: Question) -> UnboundField:
    items = question.schema.get("items", {})
    if tokens := tokens_of(items):
        labels = labels_of(items, tokens, question.schema)
        choices = [SelectChoice(token, label) for token, label in labels.items()]
        return ManyOf(question=question, tokens=tokens, choices=choices, **_named(question, required=False))
    if items.get("type") in {"string", "integer", "number"} and items.get("format") not in {"date-time", "password"}:
        some = bool(question.schema.get("minItems"))
        return _text(question, converters.LINES, TextArea(), note=_("One per line."), rows=4, empty=[], required=some)
    return _json(question)


def _json(question: Question) -> UnboundField:
    return _text(
        question, converters.JSON, TextArea(), note=_("Write it as JSON."), rows=4, spellcheck="false", class_="code"
    )


def _typed(question: Question, zone: tzinfo) -> UnboundField:
    schema = question.schema
    kind, form = schema.get("type"), schema.get("format", "")
    if kind in {"integer", "number"}:
        return _text(question, converters.NUMBER, NumberInput(), **steps(schema))
    if kind != "string":
        return _json(question)
    if form == "password":
        note = _("It is stored encrypted and never shown.")
        return _text(question, converters.PLAIN, PasswordInput(), note=note, secret=True, autocomplete="off")
    if form == "date-time":
        return _text(
            question, converters.moments(zone), widgets.Moment(), note=_("On the clock of %(zone)s.", zone=zone)
        )
    if form in _FORMATS:
        script, widget = _FORMATS[form]
        return _text(question, script, widget(), note=str(_NOTES.get(form, "")), **edges(schema))
    return _plain(question) if form in {"", "binary"} else _text(question, converters.TRIMMED, widgets.Line())


def _plain(question: Question) -> UnboundField:
    schema, required = question.schema, question.required
    lengths = {key.lower(): schema[key] for key in ("minLength", "maxLength") if key in schema}
    long = schema.get("multiline") or schema.get("maxLength", 0) > _LONG
    widget = {"widget": TextArea(), "rows": 4} if long else {"widget": widgets.Line()}
    return _text(question, converters.PLAIN, empty=ABSENT if required else "", required=required, **widget, **lengths)


def _text(
    question: Question,
    script: converters.Script,
    widget: Any,
    *,
    secret: bool = False,
    empty: Any = ABSENT,
    **attributes: Any,
) -> UnboundField:
    if question.example and not isinstance(widget, (DateInput, TimeInput, widgets.Moment)):
        attributes["placeholder"] = _("e.g. %(example)s", example=question.example)
    if secret:
        attributes.setdefault("required", question.required)
    return TextField(
        question=question, script=script, secret=secret, empty=empty, widget=widget, **_named(question, **attributes)
    )


def _named(question: Question, *, note: str = "", required: bool | None = None, **attributes: Any) -> dict[str, Any]:
    """Label, help, id, first value and attributes; what may not be empty is required."""
    required = (required is not False) and not question.may_stay_empty
    return {
        "label": translated(question.title),
        "description": " ".join(filter(None, [translated(question.help), note])),
        "id": f"field-{question.name}",
        "default": question.default,
        "render_kw": {"required": required, **attributes},
    }
