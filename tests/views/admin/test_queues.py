from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient

from webapp.accounts.user import User
from webapp.jobs.execution.leases import Holder
from webapp.jobs.execution.worker_heartbeat import WorkerHeartbeat
from webapp.jobs.model.job import Job, Status
from webapp.services import Services

AuditEntries = Callable[[], list[dict[str, Any]]]
Put = Callable[..., Job]
HOLDER = Holder(host="h", boot_id="b", worker="w", pid=1)


def tag_in(text: str) -> str:
    return text.partition('hx-ptag="')[2].partition('"')[0]


def test_a_queue_is_listed_with_its_numbers(operator: FlaskClient, services: Services, put: Put) -> None:
    WorkerHeartbeat(services.engine, HOLDER, ["default"], "1").poll()
    for status in (Status.QUEUED, Status.QUEUED, Status.RUNNING):
        put(status)
    services.queues.limit("default", 5)
    text = operator.get("/admin/queues").text
    for cell in ('status=queued" data-number>2<', 'status=running" data-number>1<', "of 5", 'data-label="Workers">1<'):
        assert cell in text


def test_a_queue_without_a_worker_says_what_to_do(operator: FlaskClient, put: Put) -> None:
    put(queue="night")
    text = operator.get("/admin/queues").text
    assert "No worker listens to the queue night." in text
    assert "1 job is waiting." in text
    assert "deskjob worker --queues night" in text


def test_a_poll_is_answered_only_when_something_changed(operator: FlaskClient, services: Services, put: Put) -> None:
    for page in ("/admin/queues", "/admin/queues/default"):
        tag = tag_in(operator.get(page).text)
        poll = {"HX-Request": "true", "X-Poll": "1", "HX-PTag": tag}
        assert operator.get(f"{page}/_live", headers=poll).status_code == 304
        put()
        fresh = operator.get(f"{page}/_live", headers=poll)
        assert (fresh.status_code, fresh.headers["HX-PTag"] != tag) == (200, True)


def test_a_pause_needs_a_reason_and_shows_it(
    operator: FlaskClient, services: Services, audit_entries: AuditEntries
) -> None:
    assert "Pause the queue default?" in operator.get("/admin/queues/default/pause").text
    refused = operator.post("/admin/queues/default/pause", data={"reason": "  "})
    assert (refused.status_code, "Give a reason." in refused.text) == (422, True)
    long = operator.post("/admin/queues/default/pause", data={"reason": "x" * 201})
    assert (long.status_code, "at most 200 characters" in long.text, "x" * 201 in long.text) == (422, True, True)
    assert services.queues.get("default").paused_at is None
    done = operator.post("/admin/queues/default/pause", data={"reason": "Moving  the\ndatabase"})
    assert (done.status_code, done.location) == (303, "/admin/queues/default")
    text = operator.get("/admin/queues").text
    assert "The queue default is paused." in text
    assert "Moving the database" in text
    line = audit_entries()[-1]
    assert (line["action"], line["actor"], line["object_id"], line["after"]) == (
        "queue_pause",
        "olga",
        "default",
        {"reason": "Moving the database"},
    )


def test_a_paused_queue_is_resumed(operator: FlaskClient, services: Services, audit_entries: AuditEntries) -> None:
    services.queues.pause("default", reason="because")
    assert operator.post("/admin/queues/default/resume").status_code == 303
    assert services.queues.get("default").paused_at is None
    assert (audit_entries()[-1]["action"], audit_entries()[-1]["before"]) == ("queue_resume", {"reason": "because"})


def test_a_limit_is_set_and_removed_and_invalid_input_is_kept_in_the_form(
    operator: FlaskClient, services: Services, audit_entries: AuditEntries
) -> None:
    operator.post("/admin/queues/default/limit", data={"limit": "3"})
    assert services.queues.get("default").max_running == 3
    for typed in ("-1", "many", "1.5", "9999999", "\N{SUPERSCRIPT TWO}"):
        refused = operator.post("/admin/queues/default/limit", data={"limit": typed})
        assert (refused.status_code, "Enter a whole number" in refused.text) == (422, True)
        assert f'value="{typed}"' in refused.text
    operator.post("/admin/queues/default/limit", data={"limit": ""})
    assert services.queues.get("default").max_running is None
    assert [(line["before"], line["after"]) for line in audit_entries()] == [
        ({"limit": None}, {"limit": 3}),
        ({"limit": 3}, {"limit": None}),
    ]


def test_emptying_a_queue_stops_its_waiting_jobs(
    operator: FlaskClient, services: Services, put: Put, audit_entries: AuditEntries
) -> None:
    waiting, running = [put(), put()], put(Status.RUNNING)
    assert "Stop all 2 waiting jobs in default?" in operator.get("/admin/queues/default/empty").text
    assert operator.post("/admin/queues/default/empty").status_code == 303
    assert {services.jobs.get(job.id).status for job in waiting} == {Status.CANCELLED}
    assert services.jobs.get(running.id).status is Status.RUNNING
    assert (audit_entries()[-1]["action"], audit_entries()[-1]["after"]) == ("queue_empty", {"stopped": 2})
    assert "No jobs are waiting in this queue." in operator.get("/admin/queues/default/empty").text


def test_a_background_job_empties_a_large_queue(
    operator: FlaskClient, services: Services, put: Put, audit_entries: AuditEntries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.views.admin.queues._SECONDS_TO_EMPTY", 0.0)
    waiting, others = [put(), put()], [put(Status.HELD), put(Status.RUNNING), put(queue="night")]
    answer = operator.post("/admin/queues/default/empty")
    assert (audit_entries()[-1]["action"], audit_entries()[-1]["after"]) == ("queue_empty", {"stopped": 0})
    job_id = UUID(answer.headers["Location"].rpartition("/")[2])
    others.append(put())
    services.run_inline(job_id)
    assert services.jobs.get(job_id).message == "2 done, 0 skipped"
    assert {services.jobs.get(job.id).status for job in waiting} == {Status.CANCELLED}
    assert all(services.jobs.get(job.id).status is job.status for job in others)


def test_a_queue_that_nothing_uses_can_be_removed(
    operator: FlaskClient, services: Services, put: Put, audit_entries: AuditEntries
) -> None:
    services.queues.add("mistake")
    job = put(queue="mistake")
    assert "/mistake/remove" not in operator.get("/admin/queues/mistake").text
    assert operator.post("/admin/queues/mistake/remove").status_code == 409
    services.jobs.cancel(job.id)
    assert "/mistake/remove" in operator.get("/admin/queues/mistake").text
    assert "Remove the queue mistake?" in operator.get("/admin/queues/mistake/remove").text
    assert operator.post("/admin/queues/mistake/remove").status_code == 303
    assert "mistake" not in {queue.name for queue in services.queues.all()}
    assert (audit_entries()[-1]["action"], audit_entries()[-1]["object_id"]) == ("queue_remove", "mistake")


def test_the_queue_of_a_job_type_cannot_be_removed(operator: FlaskClient) -> None:
    assert "/default/remove" not in operator.get("/admin/queues/default").text
    assert "uses this queue" in operator.get("/admin/queues/default/remove").text
    assert operator.post("/admin/queues/default/remove").status_code == 409


def test_an_unknown_queue_is_not_found(operator: FlaskClient) -> None:
    for path in ("", "/pause", "/empty", "/_live"):
        assert operator.get(f"/admin/queues/nowhere{path}").status_code == 404


def test_an_auditor_cannot_pause_a_queue_and_sees_why(auditor: FlaskClient, services: Services) -> None:
    text = auditor.get("/admin/queues/default").text
    assert "Only operators and admins can do this." in text
    assert 'href="/admin/queues/default/pause"' not in text
    refused = auditor.post("/admin/queues/default/pause", data={"reason": "I want to"})
    assert (refused.status_code, "Only operators and admins" in refused.text) == (403, True)
    assert services.queues.get("default").paused_at is None


def test_the_user_who_paused_a_queue_is_shown(auditor: FlaskClient, services: Services, user: User) -> None:
    services.queues.pause("default", reason="because", by=user.id)
    assert "By Ana Ruiz," in auditor.get("/admin/queues").text


def test_everything_is_paused_with_a_reason_that_every_page_shows(
    operator: FlaskClient, services: Services, audit_entries: AuditEntries, put: Put
) -> None:
    job = put()
    assert "Pause everything?" in operator.get("/admin/queues/_pause").text
    assert operator.post("/admin/queues/_pause", data={"reason": " "}).status_code == 422
    assert services.global_pause.get() is None
    assert operator.post("/admin/queues/_pause", data={"reason": "Moving <the> database"}).status_code == 303
    for page in ("/jobs", "/admin", "/admin/queues", "/jobs/new", f"/jobs/{job.id}", "/me"):
        text = operator.get(page).text
        assert "Everything is paused: no new job starts." in text
        for part in ("Moving &lt;the&gt; database", "Paused by you", "/_resume"):
            assert part in text
    assert "Everything paused by you" in operator.get(f"/jobs/{job.id}").text
    assert operator.post("/admin/queues/_resume").status_code == 303
    assert "Everything is paused" not in operator.get("/jobs").text
    assert [entry["action"] for entry in audit_entries()[-2:]] == ["everything_pause", "everything_resume"]
