from flask import Flask

from tests.jobs.conftest import Nothing
from webapp.jobs.definition.job_type import job_type
from webapp.jobs.execution.context import JobContext
from webapp.jobs.model.approval import Approval
from webapp.services import Services
from webapp.views.job.approval_card import approvers_of_type


def test_a_type_that_is_gone_or_asks_for_no_approval_names_nobody(app: Flask, services: Services) -> None:
    @job_type("guarded", title="Guarded", approval=Approval())
    def guarded(_job: JobContext, _payload: Nothing) -> None:
        """Do nothing."""

    services.registry.add(guarded)
    with app.test_request_context():
        named = [approvers_of_type(name, services.registry) for name in ("gone", "maintenance", "guarded")]
    assert named == ["", "", "Operators and admins can approve it."]
