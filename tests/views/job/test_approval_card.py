import pytest
from flask import Flask

from tests.jobs.conftest import Nothing
from webapp.jobs.definition.job_type import job_type
from webapp.jobs.execution.context import JobContext
from webapp.jobs.model.approval import Approval
from webapp.services import Services
from webapp.views.job.approval_card import approvers_text


@pytest.mark.parametrize(
    ("rules", "sentence"),
    [
        ({}, "Operators and admins can approve it."),
        ({"role": "user"}, "Any other user can approve it."),
        ({"role": "auditor"}, "Auditors, operators and admins can approve it."),
        ({"role": "admin", "group": "Finance"}, "Admins can approve it."),
        ({"group": "Finance"}, "Members of the group Finance and admins can approve it."),
        (
            {"role": "operator", "group": "Finance"},
            "Members of the group Finance who are operators, and admins, can approve it.",
        ),
    ],
)
def test_a_sentence_says_who_can_approve(app: Flask, services: Services, rules: dict[str, str], sentence: str) -> None:
    declare = job_type("guarded", title="Guarded", approval=Approval(**rules))  # type: ignore[arg-type]
    services.registry.add(declare(_do_nothing))
    with app.test_request_context():
        assert approvers_text("guarded", services.registry) == sentence


def test_a_type_that_is_gone_or_asks_for_no_approval_names_nobody(services: Services) -> None:
    assert [approvers_text(name, services.registry) for name in ("gone", "maintenance")] == ["", ""]


def _do_nothing(job: JobContext, payload: Nothing) -> None:
    """Do nothing."""
