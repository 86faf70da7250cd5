import functools
from collections.abc import Callable
from datetime import timedelta
from inspect import signature
from typing import Any

import pytest
from pydantic import BaseModel, Field

from webapp.jobs.definition.declaration import RULES, BadJobType
from webapp.jobs.definition.field_specs import Upload
from webapp.jobs.definition.job_type import JobType, job_type
from webapp.jobs.model.approval import Approval
from webapp.jobs.model.policies import OnDuplicate, Resources, Retention, RetryPolicy
from webapp.jobs.model.rate import Rate


class Sheet(BaseModel):
    """A payload."""

    pages: int = 1


class Printer:
    """A service."""


def print_sheet(job: object, payload: Sheet, printer: Printer) -> None:
    """Print it."""


def declared(handler: Callable[..., Any] = print_sheet, **options: Any) -> JobType:
    return job_type(**{"name": "sheet", "title": "Sheet", **options})(handler)


def refusal(handler: Callable[..., Any] = print_sheet, **options: Any) -> str:
    with pytest.raises(BadJobType) as refused:
        declared(handler, **options)
    return str(refused.value)


BAD = {
    "approval": [True, "operator", Approval],
    "name": ["", " ", "a/b", "a b", "é", "x" * 81, None, 7],
    "title": ["", "  ", "\u200b", "t" * 201, None, b"title", lambda: "none"],
    "description": [None, 7],
    "group": ["", None, 3],
    "queue": ["", "a,b", "a\nb", " a", "a\u200b", "q" * 81, None],
    "priority": ["high", 1.5, True, None, 10**7],
    "max_attempts": [0, -1, "3", True, 2.0],
    "retry": [3, "twice", RetryPolicy],
    "max_running": [0, -1, "2", True],
    "max_running_per_owner": [0, 1.5],
    "max_per": [100, (100, timedelta(hours=1)), Rate, Rate(1, timedelta(hours=1), by=lambda one, two: "two")],
    "resources": [None, 4096, {"memory": 4096}, Resources],
    "unique_key": ["", "k" * 201, 7, lambda: "none", lambda one, two: "two"],
    "on_duplicate": ["refuse", None, 1],
    "timeout": [600, 0, timedelta(0), -timedelta(1), "1h", None, timedelta.max],
    "stop_grace": [10, -timedelta(seconds=1), None],
    "stale_after": [60, -timedelta(seconds=1), "7d"],
    "rerun_lost": [1, "no", None],
    "own_process": [0, "yes"],
    "worker_only": ["no"],
    "webhook": ["no"],
    "capture_output": ["no", None],
    "keep": [timedelta(days=1), None, 30],
    "roles": ["admin", [1], None, {"admin": 1}, b"ab"],
    "replaces": ["yes"],
    "keep_files": [30, -timedelta(1), timedelta.max, None],
    "listed": ["no", None],
    "for_tenants": ["no", None],
    "on_failed": [7, "print", Printer, functools.partial(print_sheet, None)],
    "preview": [7, "print", Printer],
    "asks_password": ["no", None],
    "acts_as_owner": ["no", None],
    "private_output": ["no", None],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name in BAD for value in BAD[name]])
def test_a_bad_option_is_refused_in_one_sentence_with_its_place(name: str, value: Any) -> None:
    sentence = refusal(**{name: value})
    assert sentence.startswith(f"{__file__}:")
    assert f": {name} must be " in sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert len(sentence) < len(__file__) + 250


def test_every_option_of_a_job_type_has_a_rule_and_bad_values() -> None:
    assert RULES.keys() == BAD.keys() == signature(job_type).parameters.keys()


def test_all_good_options_are_accepted() -> None:
    declared(max_running=1, roles=["admin"], unique_key=lambda sheet: str(sheet.pages), on_duplicate="return")
    declared(on_duplicate=OnDuplicate.QUEUE_AFTER, unique_key=str, retry=RetryPolicy(max_attempts=3), keep=Retention())
    declared(name="Sheet.of-paper_2", stale_after=timedelta(seconds=1), stop_grace=timedelta(0), roles=frozenset())


def test_attempts_are_given_once() -> None:
    assert "max_attempts belongs into the RetryPolicy" in refusal(max_attempts=3, retry=RetryPolicy(max_attempts=2))


def test_the_place_is_the_line_of_the_declaration() -> None:
    line = refusal.__code__.co_firstlineno - 3
    assert refusal(timeout=600).startswith(f"{__file__}:{line}: timeout must be a timedelta longer than zero")
    assert declared().place == f"{__file__}:{line}"


def without_type(job: object, payload: Sheet, printer) -> None:  # type: ignore[no-untyped-def]
    """Need something unknown."""


def with_default(job: object, payload: Sheet, printer: Printer | None = None) -> None:
    """Need something if there is one."""


def with_union(job: object, payload: Sheet, printer: Printer | None) -> None:
    """Need one or none."""


def with_rest(job: object, payload: Sheet, *printers: Printer) -> None:
    """Take all."""


def with_names(job: object, payload: Sheet, **printers: Printer) -> None:
    """Take all by name."""


@pytest.mark.parametrize("handler", [without_type, with_default, with_union, with_rest, with_names])
def test_a_parameter_that_no_service_can_fill_is_refused(handler: Callable[..., Any]) -> None:
    sentence = refusal(handler)
    assert sentence.startswith(f"{__file__}:{handler.__code__.co_firstlineno}: The parameter 'printer")
    assert sentence.endswith(".")


def test_a_type_that_does_not_exist_is_refused() -> None:
    def handler(job: object, payload: "Missing") -> None:  # type: ignore[name-defined]  # noqa: F821
        """Do nothing."""

    sentence = refusal(handler)
    assert "The types of" in sentence
    assert "'Missing' is not defined" in sentence


def only_by_name(*, job: object, payload: Sheet) -> None:
    """Take nothing by position."""


def one_payload_or_more(job: object, *payload: Sheet) -> None:
    """Take several."""


@pytest.mark.parametrize("handler", [only_by_name, one_payload_or_more, lambda job: None, lambda job, payload: None])
def test_a_handler_takes_the_job_and_the_payload_by_position(handler: Callable[..., Any]) -> None:
    assert "must take (job: JobContext, payload: a pydantic model)" in refusal(handler)


@pytest.mark.parametrize("handler", [7, None, Printer, functools.partial(print_sheet, 1)])
def test_a_handler_must_be_a_function(handler: Any) -> None:
    assert "A handler must be a function, not " in refusal(handler)


class Clash(BaseModel):
    """A payload with a field of every form."""

    csrf_token: str


class HiddenClash(BaseModel):
    """A payload whose field has the name of a field of every form."""

    secret: str = Field(alias="own_password")


@pytest.mark.parametrize("payload_class", [Clash, HiddenClash])
def test_a_field_that_every_form_has_is_refused(payload_class: type[BaseModel]) -> None:
    def handler(job: object, payload: Any) -> None:
        """Do nothing."""

    handler.__annotations__["payload"] = payload_class
    assert refusal(handler).endswith("': every form has one.")


@pytest.mark.parametrize("bad", [{"max_total_bytes": "2 MB"}, {"max_total_bytes": 0}])
def test_bad_limits_of_a_list_of_files_are_refused(bad: dict[str, Any]) -> None:
    class Import(BaseModel):
        files: list[Upload] = Field(json_schema_extra=bad)

    class Sheets(BaseModel):
        files: list[Upload] = Field(max_length=101)

    def handler(job: object, payload: Any) -> None:
        """Read them."""

    handler.__annotations__["payload"] = Import
    assert "The field 'files' of " in refusal(handler)
    handler.__annotations__["payload"] = Sheets
    assert "maxItems must be a whole number from 1 to 100, not 101" in refusal(handler)


BAD_EXTRAS = [
    *({"accept": [".csv"]}, {"max_bytes": "2 MB"}, {"max_bytes": 0}),
    *({"labels": "a"}, {"labels": {"a": 1}}, {"labels": [None]}, {"multiline": 3}),
]


@pytest.mark.parametrize("extra", BAD_EXTRAS)
def test_bad_words_for_the_form_are_refused(extra: dict[str, Any]) -> None:
    class Import(BaseModel):
        file: Upload = Field(json_schema_extra=extra)

    def handler(job: object, payload: Any) -> None:
        """Read it."""

    handler.__annotations__["payload"] = Import
    assert "The field 'file' of " in refusal(handler)
