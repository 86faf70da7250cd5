from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from webapp.jobs import JobPolicy
from webapp.jobtypes.job_history_export.rows import RowFormatter, user_ids

VIEWER, OTHER = uuid4(), uuid4()
START = datetime(2026, 11, 28, 10, 2, 11, 500_000, tzinfo=UTC)
NAMES = {VIEWER: "ana", OTHER: "ben"}


def row(owner_id: UUID | None = VIEWER, **values: Any) -> dict[str, Any]:
    return {
        "id": uuid4(),
        "type": "maintenance",
        "title": "Maintenance",
        "status": "completed",
        "has_warnings": True,
        "owner_id": owner_id,
        "triggered_by": None,
        "progress": 33.3333,
        "attempt": 1,
        "created_at": START,
        "started_at": START,
        "finished_at": START + timedelta(seconds=1.25),
        "message": "Done",
        "tags": ["a", "b"],
        "tenant": None,
        "shared_with": None,
        **values,
    }


def test_times_are_iso_8601_in_utc_and_durations_are_seconds() -> None:
    exported = RowFormatter(JobPolicy(user_id=VIEWER), NAMES).format(row())
    assert (exported["started_at"], exported["seconds"], exported["tags"]) == ("2026-11-28T10:02:11.500Z", 1.25, "a, b")
    assert (exported["progress"], exported["done_with_warnings"]) == (33.33, True)


def test_a_job_that_waits_for_its_next_attempt_has_no_duration() -> None:
    exported = RowFormatter(JobPolicy(user_id=VIEWER), NAMES).format(row(finished_at=START - timedelta(hours=1)))
    assert exported["seconds"] is None


def test_a_user_sees_neither_the_names_nor_the_messages_of_others() -> None:
    rows = RowFormatter(JobPolicy(user_id=VIEWER), NAMES)
    own, other, system = rows.format(row()), rows.format(row(OTHER)), rows.format(row(None))
    assert [own["owner"], other["owner"], system["owner"]] == ["ana", "another user", "the system"]
    assert [own["message"], other["message"]] == ["Done", None]


def test_a_viewer_of_all_jobs_sees_names_and_deleted_accounts() -> None:
    rows = RowFormatter(JobPolicy(user_id=VIEWER, sees_all=True), NAMES)
    assert [rows.format(row(owner))["owner"] for owner in (OTHER, uuid4())] == ["ben", "a deleted account"]


def test_the_names_to_look_up_are_those_of_owners_and_starters() -> None:
    assert user_ids([row(None), row(VIEWER, triggered_by=OTHER)]) == {VIEWER, OTHER}


def test_members_of_a_group_read_the_messages_of_what_is_shared_with_it() -> None:
    rows = RowFormatter(JobPolicy(user_id=VIEWER, groups=frozenset({"Finance"})), NAMES)
    shared = rows.format(row(OTHER, shared_with="Finance"))
    assert (shared["message"], shared["shared_with"], shared["owner"]) == ("Done", "Finance", "ben")
    other = rows.format(row(OTHER, shared_with="Sales"))
    assert (other["message"], other["shared_with"]) == (None, None)
