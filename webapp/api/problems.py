"""The errors of the engine as problem documents; errors that pages know too are in `views/page/error_pages.py`."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from flask import Blueprint, Response
from pydantic import ValidationError

from webapp.accounts.accounts import LastAdmin, NameTaken, NoPassword, UserNotFound
from webapp.accounts.groups.user_group import GroupInUse, GroupNotFound, GroupTaken, MemberBySignOn, NotAMember
from webapp.accounts.idempotent_requests import KeyReused, StillInProgress
from webapp.accounts.tokens import TokenNotFound
from webapp.accounts.validation import BadAccount
from webapp.api.json_body import BadJson
from webapp.inbound.webhook import WebhookNotFound
from webapp.jobs.budgets.admission import BudgetUsedUp
from webapp.jobs.budgets.budget import BudgetsTurnedOff
from webapp.jobs.definition.job_type import InvalidPayload
from webapp.jobs.definition.registry import UnknownJobType
from webapp.jobs.execution.by_hand.dry_run_process import DryRunBusy
from webapp.jobs.execution.process_snapshots.snapshot_store import SnapshotRefused
from webapp.jobs.flows.flow import InvalidFlow
from webapp.jobs.flows.flow_queries import FlowNotFound
from webapp.jobs.metrics.error_groups import ErrorNotFound
from webapp.jobs.model.job import BadRequest, IllegalTransition
from webapp.jobs.model.json_values import NotStorable
from webapp.jobs.monitoring.workers import WorkerNotFound
from webapp.jobs.questions.answer_class import InvalidAnswer, UnknownForm
from webapp.jobs.queueing.queues import QueueInUse, UnknownQueue
from webapp.jobs.schedules.draft import InvalidSchedule
from webapp.jobs.schedules.job_factory import CannotStart, PreviousRunUnfinished
from webapp.jobs.schedules.service import ScheduleNotFound, StaleSchedule
from webapp.jobs.store.file_store import FileTooLarge
from webapp.jobs.store.job_store import StaleJob
from webapp.notifications.delivery_log import NotRedeliverable
from webapp.notifications.rule import InvalidRule
from webapp.sign_in.second_factor import OwnSecondFactor
from webapp.views.page.problem_details import problem

PAYLOAD = "#/payload"
_MOST_ERRORS = 50
_POINTER_LIMIT = 200
_STATUSES: Mapping[type[Exception], int] = MappingProxyType(
    {
        **dict.fromkeys((ScheduleNotFound, UserNotFound, WorkerNotFound, ErrorNotFound, TokenNotFound), 404),
        **dict.fromkeys((WebhookNotFound, GroupNotFound, FlowNotFound), 404),
        **dict.fromkeys((BudgetUsedUp, BudgetsTurnedOff), 409),
        **dict.fromkeys((GroupInUse, GroupTaken, MemberBySignOn, NotAMember), 409),
        **dict.fromkeys((CannotStart, PreviousRunUnfinished, QueueInUse, StaleSchedule, StaleJob), 409),
        **dict.fromkeys((LastAdmin, NameTaken, NoPassword, DryRunBusy, NotRedeliverable, IllegalTransition), 409),
        **dict.fromkeys((BadRequest, NotStorable, BadAccount, UnknownJobType, KeyReused), 422),
        **dict.fromkeys((SnapshotRefused, OwnSecondFactor, UnknownForm), 409),
        BadJson: 400,
        FileTooLarge: 413,
    }
)


class InvalidInput(Exception):
    """Raised for values that do not fit together; ``errors`` are those of a problem document."""

    def __init__(self, *errors: Mapping[str, str]) -> None:
        """Name the places."""
        super().__init__("The request is not valid.")
        self.errors = errors


def register(bp: Blueprint) -> None:
    """Answer every error that an operation raises with a problem document."""
    for error, status in _STATUSES.items():
        bp.register_error_handler(error, _answering(status))
    bp.register_error_handler(InvalidInput, lambda error: _invalid(error.errors))
    bp.register_error_handler(InvalidPayload, _payload_problem)
    bp.register_error_handler(InvalidFlow, _flow_problem)
    bp.register_error_handler(InvalidAnswer, lambda error: _invalid(_members(error.errors, "#/answer")))
    bp.register_error_handler(UnknownQueue, lambda error: _invalid([{"pointer": "#/queue", "detail": str(error)}]))
    bp.register_error_handler(InvalidRule, lambda error: _invalid(_members(error.errors, "#")))
    bp.register_error_handler(InvalidSchedule, lambda error: _invalid(_members(error.errors, "#")))
    bp.register_error_handler(StillInProgress, lambda error: problem(409, str(error), headers={"Retry-After": "2"}))


def validation_errors(error: ValidationError, *, in_body: bool) -> Iterator[Mapping[str, str]]:
    """Return the errors of a body with pointers, or those of the query with the names of its parameters."""
    for item in error.errors(include_url=False, include_context=False, include_input=False)[:_MOST_ERRORS]:
        place = [str(part) for part in item["loc"]]
        where = {"pointer": _pointer(place)} if in_body else {"parameter": "".join(place[:1])[:_POINTER_LIMIT]}
        yield {**where, "detail": _sentence(item["type"], item["msg"])}


def _answering(status: int) -> Any:
    return lambda error: problem(status, str(error))


def _payload_problem(error: InvalidPayload) -> Response:
    return _invalid(_members(error.errors, PAYLOAD))


def _flow_problem(error: InvalidFlow) -> Response:
    place = _pointer([str(part) for part in error.place])
    return _invalid(_members(error.errors, place) or [{"pointer": place, "detail": str(error)}])


def _invalid(errors: Any) -> Response:
    return problem(422, "The request is not valid.", errors=errors)


def _members(errors: Mapping[str, str], root: str) -> list[dict[str, str]]:
    return [{"pointer": _below(root, name), "detail": text} for name, text in errors.items()][:_MOST_ERRORS]


def _below(root: str, name: str) -> str:
    return f"{root}/{'/'.join(map(_escaped, name.split('.')))}"[:_POINTER_LIMIT] if name else root


def _pointer(place: list[str]) -> str:
    return "/".join(["#", *map(_escaped, place)])[:_POINTER_LIMIT]


def _escaped(part: str) -> str:
    return part.replace("~", "~0").replace("/", "~1")


def _sentence(kind: str, message: str) -> str:
    if kind == "extra_forbidden":
        return "Unknown member."
    if kind == "missing":
        return "Required."
    text = message.removeprefix("Value error, ").rstrip(".")
    return f"{text[:1].upper()}{text[1:]}."
