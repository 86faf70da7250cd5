"""The blueprint of the API: all operations of all resources."""

from collections.abc import Iterator

from flask import Blueprint

from webapp.api import problems
from webapp.api.endpoint import view_of
from webapp.api.job_input import expected_files, largest_input
from webapp.api.operations import Operation
from webapp.api.resources import (
    approvals,
    bulk,
    errors,
    files,
    filters,
    flows,
    history,
    installation,
    job_types,
    jobs,
    questions,
    queues,
    schedules,
)
from webapp.api.resources.accounts import budgets, groups, tokens, users
from webapp.api.resources.integrations import events, notifications, webhooks
from webapp.views.forms.streaming_uploads import expects_files
from webapp.views.page.problem_details import API_ROOT

RESOURCES = (  # in the order of the documentation
    *(jobs, approvals, questions, flows, files, history, bulk, filters, events, job_types),
    *(schedules, queues, errors, users, groups, budgets, tokens, notifications, webhooks, installation),
)
bp = Blueprint("api", __name__, url_prefix=API_ROOT)


def all_operations() -> Iterator[Operation]:
    """Iterate over all operations, in the order of the documentation."""
    for resource in RESOURCES:
        yield from resource.operations


def _add_all() -> None:
    problems.register(bp)
    for operation in all_operations():
        view = view_of(operation)
        if operation.takes_files:
            view = expects_files(expected_files, in_total=largest_input)(view)
        bp.add_url_rule(operation.path, operation.name, view, methods=[operation.method])


_add_all()
