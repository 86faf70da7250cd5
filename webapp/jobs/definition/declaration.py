"""Checks the whole declaration of a job type when `@job_type` is applied. One sentence names the first mistake."""

import inspect
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from types import CodeType, FrameType, MappingProxyType
from typing import Any, get_type_hints

from pydantic import BaseModel

from webapp.jobs.definition.field_specs import MOST_FILES, MisplacedUpload, declared_specs, upload_specs
from webapp.jobs.definition.lazy_handlers import refuse_lazy_handler
from webapp.jobs.model import value_rules
from webapp.jobs.model.approval import Approval
from webapp.jobs.model.incoming_text import TITLE_LIMIT
from webapp.jobs.model.policies import OnDuplicate, Resources, Retention, RetryPolicy
from webapp.jobs.model.rate import Rate
from webapp.jobs.model.value_rules import NOTHING, PRIORITY, QUEUE_NAME, TRUTH, ValueRule

_FORM_FIELDS = {"csrf_token", "own_password"}  # their other fields have a dot in their names
_BY_POSITION = {inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}").fullmatch
_MOST = 1_000_000


class BadJobType(TypeError):
    """Raised when a job type is declared with something that cannot work; the message names the place."""

    def __init__(self, place: str, sentence: str) -> None:
        """Name the place of the declaration."""
        self.sentence = sentence
        super().__init__(f"{place}: {sentence}")


def _is_names(value: object) -> bool:
    return isinstance(value, Collection) and not isinstance(value, str | bytes | Mapping) and all(map(_is_word, value))


def _is_word(value: object) -> bool:
    return isinstance(value, str) and value.isidentifier()


def _is_labels(value: object) -> bool:
    texts = list(value.values()) if isinstance(value, Mapping) else value
    return isinstance(texts, list) and all(isinstance(text, str) for text in texts)


def _takes_one_argument(value: object) -> bool:
    if not callable(value):
        return False
    try:
        inspect.signature(value).bind(None)
    except TypeError:
        return False
    except ValueError:  # a function in C without a signature
        return True
    return True


def _is_rate(value: object) -> bool:
    return isinstance(value, Rate) and (not callable(value.by) or _takes_one_argument(value.by))


_LIMIT = NOTHING | value_rules.integer(1, _MOST)
RULES: Mapping[str, ValueRule] = MappingProxyType(
    {
        "name": ValueRule(
            "1 to 80 letters (a to z), digits, '_', '-' and '.'",
            lambda value: isinstance(value, str) and _NAME(value) is not None,
        ),
        "title": value_rules.text(TITLE_LIMIT) | ValueRule("a function of the payload", _takes_one_argument),
        "description": ValueRule("a text", lambda value: isinstance(value, str)),
        "group": value_rules.text(80),
        "queue": QUEUE_NAME,
        "priority": PRIORITY,
        "max_attempts": value_rules.integer(1, _MOST),
        "retry": NOTHING | value_rules.instance(RetryPolicy, "a RetryPolicy"),
        "max_running": _LIMIT,
        "max_running_per_owner": _LIMIT,
        "max_per": NOTHING | ValueRule("a Rate, by type, owner or a function of the payload", _is_rate),
        "resources": value_rules.instance(Resources, "Resources"),
        "unique_key": NOTHING
        | value_rules.text(value_rules.KEY_LIMIT)
        | ValueRule("a function of the payload", _takes_one_argument),
        "on_duplicate": value_rules.one_of(list(OnDuplicate)),
        "timeout": value_rules.period(),
        "stop_grace": value_rules.period(zero=True),
        "stale_after": NOTHING | value_rules.period(zero=True),  # zero: the installation decides
        "rerun_lost": TRUTH,
        "own_process": TRUTH,
        "worker_only": TRUTH,
        "webhook": TRUTH,
        "capture_output": TRUTH,
        "keep": value_rules.instance(Retention, "a Retention"),
        "roles": ValueRule("a list of roles, such as ('admin',)", _is_names),
        "replaces": TRUTH,
        "keep_files": value_rules.period(zero=True),
        "listed": TRUTH,
        "for_tenants": TRUTH,
        "asks_password": TRUTH,
        "acts_as_owner": TRUTH,
        "private_output": TRUTH,
        "approval": NOTHING | value_rules.instance(Approval, "an Approval"),
        "on_failed": NOTHING | ValueRule("a function of the job and its payload", inspect.isfunction),
        "preview": NOTHING | ValueRule("a function of the payload and its files", inspect.isfunction),
    }
)


def place_of(frame: FrameType | None) -> str:
    """Return the file and line that a frame is executing."""
    return f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame else "?"


def check_options(place: str, options: Mapping[str, Any]) -> None:
    """Raise `BadJobType` unless every option of a declaration can be used."""
    if objection := value_rules.first_objection(options, RULES):
        raise BadJobType(place, objection)
    if options["retry"] is not None and options["max_attempts"] != 1:
        raise BadJobType(place, "max_attempts belongs into the RetryPolicy when there is one.")


def read_signature(handler: Callable[..., Any]) -> tuple[type[BaseModel], dict[str, type]]:
    """Return the payload class of a handler and the services that it requests; raises `BadJobType`."""
    code = getattr(handler, "__code__", None)
    if not isinstance(code, CodeType):
        raise BadJobType(
            getattr(handler, "__module__", "?"), f"A handler must be a function, not {value_rules.shown(handler)}."
        )
    place = f"{code.co_filename}:{code.co_firstlineno}"
    hints = type_hints_of(place, handler.__qualname__, handler)
    parameters = list(inspect.signature(handler).parameters.values())
    payload = hints.get(parameters[1].name) if len(parameters) > 1 else None
    by_position = all(parameter.kind in _BY_POSITION for parameter in parameters[:2])
    if not (by_position and isinstance(payload, type) and issubclass(payload, BaseModel)):
        raise BadJobType(place, f"{handler.__qualname__} must take (job: JobContext, payload: a pydantic model).")
    return payload, requested_services(place, handler.__qualname__, parameters[2:], hints)


def read_hook_signature(hook: Callable[..., Any], payload_class: type[BaseModel]) -> dict[str, type]:
    """Return the services that an ``on_failed`` requests; raises `BadJobType` if it cannot take the payload."""
    refuse_lazy_handler(hook)
    accepted, needs = read_signature(hook)
    if not issubclass(payload_class, accepted):
        place = f"{hook.__code__.co_filename}:{hook.__code__.co_firstlineno}"
        raise BadJobType(place, f"{hook.__qualname__} must take the payload of the job type, {payload_class.__name__}.")
    return needs


def requested_services(
    place: str, name: str, parameters: Iterable[inspect.Parameter], hints: Mapping[str, Any]
) -> dict[str, type]:
    """Return the services that parameters of a function request, by class; raises `BadJobType`."""
    needs: dict[str, type] = {}
    for parameter in parameters:
        if problem := _problem_with(parameter, hints):
            raise BadJobType(place, f"The parameter {parameter.name!r} of {name} {problem}")
        needs[parameter.name] = hints[parameter.name]
    return needs


def read_uploads(handler: Callable[..., Any], payload_class: type[BaseModel]) -> tuple[str, ...]:
    """Return the names of the payload's file fields.

    Raises `BadJobType` for an unknown type, an upload where no form can take a file, and bad words for the form.
    """
    place = f"{handler.__code__.co_filename}:{handler.__code__.co_firstlineno}"
    type_hints_of(place, payload_class.__qualname__, payload_class)
    for name, field in payload_class.model_fields.items():
        if taken := _FORM_FIELDS & {name, field.alias}:
            raise BadJobType(
                place, f"A field of {payload_class.__qualname__} cannot be named {taken.pop()!r}: every form has one."
            )
    try:
        uploads = upload_specs(payload_class)
    except MisplacedUpload as error:
        raise BadJobType(place, str(error)) from None
    for spec in declared_specs(payload_class):
        rules = {**_EXTRA_RULES, **(_LIST_RULES if spec.takes_files else {})}
        given = {name: spec.schema[name] for name in rules if name in spec.schema}
        if objection := value_rules.first_objection(given, rules):
            raise BadJobType(place, f"The field {spec.name!r} of {payload_class.__qualname__}: {objection}")
    return tuple(spec.name for spec in uploads)


_EXTRA_RULES: Mapping[str, ValueRule] = MappingProxyType(  # other names belong to JSON Schema
    {
        "accept": ValueRule("a text such as '.csv,.xlsx'", lambda value: isinstance(value, str)),
        "max_bytes": NOTHING | value_rules.integer(1, 2**62),
        "labels": ValueRule("a mapping of values to texts, or a list of texts", _is_labels),
        "multiline": TRUTH,
        "reader_language": TRUTH,
    }
)


_LIST_RULES: Mapping[str, ValueRule] = MappingProxyType(
    {
        "max_total_bytes": NOTHING | value_rules.integer(1, 2**62),
        "maxItems": value_rules.integer(1, MOST_FILES),  # pydantic's ``max_length``
    }
)


def _problem_with(parameter: inspect.Parameter, hints: Mapping[str, Any]) -> str:
    if parameter.kind in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY}:
        return "must be an ordinary parameter with the class of a service."
    if parameter.default is not parameter.empty:
        return "cannot have a default: workers always supply the service of its class."
    if not isinstance(hints.get(parameter.name), type):
        return "must have the class of a service as its type, such as `accounts: Accounts`."
    return ""


def type_hints_of(place: str, name: str, annotated: Any) -> dict[str, Any]:
    """Return the types of a function or a class; raises `BadJobType` if one does not exist."""
    try:
        return get_type_hints(annotated)
    except Exception as error:  # noqa: BLE001  (an annotation can be any expression)
        raise BadJobType(place, f"The types of {name} cannot be read: {error}.") from None
