from datetime import UTC, datetime
from uuid import uuid4

import pytest
from pydantic import ValidationError

from webapp.jobs import Status
from webapp.jobs.lifecycle.bulk_actions import BulkAction
from webapp.jobs.model.policies import FIRST_PRIORITY
from webapp.jobs.queries.criteria import AdminJobCriteria, JobCriteria
from webapp.jobtypes.bulk_action.payload import BulkActionPayload

MOMENT = datetime(2026, 11, 28, tzinfo=UTC)


def test_the_payload_keeps_every_criterion_of_the_list() -> None:
    criteria = AdminJobCriteria(
        tab="failed",
        status=Status.STALE,
        type_name="crawl",
        ownership="mine",
        text="red",
        with_warnings=True,
        since=MOMENT,
        until=MOMENT,
        queue="slow",
        worker="w",
        owner=uuid4(),
        error="f" * 16,
        ended_since=MOMENT,
        ended_until=MOMENT,
        newest_id=uuid4(),
        with_scheduled=True,
    )
    payload = BulkActionPayload.for_criteria(BulkAction.RETRY, criteria, delayed=True)
    assert payload.criteria(frozenset()) == criteria
    stored = BulkActionPayload.model_validate_json(payload.model_dump_json())
    assert stored.criteria(frozenset()) == criteria


def test_a_users_list_has_no_criteria_of_operators() -> None:
    payload = BulkActionPayload.for_criteria(BulkAction.DELETE, JobCriteria(tab="done"), delayed=False)
    assert (payload.tab, payload.owner, payload.ended_since) == ("done", "", None)


def test_only_a_stop_goes_before_other_jobs() -> None:
    groups = {BulkAction.SHARE: "Finance"}
    payloads = {action: BulkActionPayload(action=action, group=groups.get(action, "")) for action in BulkAction}
    assert {action: payload.priority for action, payload in payloads.items()} == {
        **dict.fromkeys(BulkAction),
        BulkAction.STOP: FIRST_PRIORITY,
    }


@pytest.mark.parametrize(
    ("tab", "status", "applies"),
    [
        *(("all", "", True), ("running", "running", True), ("running", "waiting", True)),
        *(("done", "", False), ("waiting", "queued", False)),
    ],
)
def test_the_running_jobs_of_a_list_can_be_taken_out(tab: str, status: str, *, applies: bool) -> None:
    running = BulkActionPayload.model_validate({"action": "stop", "tab": tab, "status": status}).running()
    assert (running and (running.tab, running.status)) == (("running", status) if applies else None)


@pytest.mark.parametrize(("action", "group"), [(BulkAction.SHARE, ""), (BulkAction.STOP, "Finance")])
def test_a_group_is_named_to_share_jobs_and_for_nothing_else(action: BulkAction, group: str) -> None:
    with pytest.raises(ValidationError, match="Name a group to share jobs with"):
        BulkActionPayload(action=action, group=group)
