"""What programs do with jobs: start, follow, page, change and download."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from io import BytesIO
from typing import Any
from uuid import uuid4

import pytest
from pydantic import BaseModel

from tests.api.conftest import Program, errors_of, guarded
from tests.stored_files import everything
from webapp.accounts.user import User
from webapp.jobs.definition.field_specs import Upload
from webapp.jobs.definition.job_type import job_type
from webapp.jobs.model.job import Job, Owner, Status
from webapp.jobs.model.rate import Rate
from webapp.services import Services
from webapp.views.forms.streaming_uploads import SMALL_BODY


class Clippings(BaseModel):
    pages: list[Upload] = []


EXPORT = {"type": "job_history_export", "payload": {"format": "csv"}}


def test_a_job_with_a_file_is_started_and_its_result_downloaded(
    program: Program, services: Services, run_jobs: Callable[..., int]
) -> None:
    parts = {"job": json.dumps({"type": "dataset_report"}), "file": (BytesIO(b"a,b\n1,2\n"), "may.csv")}
    made = program.post("/jobs", data=parts)
    assert made.status_code == 202, made.text
    run_jobs()
    job = program.get(made.headers["Location"]).json
    assert (job["status"], job["payload"]["file"]["name"]) == ("completed", "may.csv")
    files = program.get(f"{job['url']}/files").json["items"]
    assert [file["name"] for file in files if file["role"] == "input"] == ["may.csv"]
    report = next(file for file in files if file["role"] == "output")
    whole = program.get(report["url"])
    assert len(whole.data) == report["size"]
    part = program.get(report["url"], headers={"Range": "bytes=2-5"})
    assert (part.status_code, part.data) == (206, whole.data[2:6])


def test_a_refused_file_leaves_nothing_on_disk(program: Program, services: Services) -> None:
    for field in ("file", "other"):
        parts = {"job": json.dumps({"type": "dataset_report"}), field: (BytesIO(b"a"), "may.exe")}
        assert program.post("/jobs", data=parts).status_code == 422
    assert everything(services.files) == []


def test_several_files_have_a_limit_together(program: Program, services: Services) -> None:
    @job_type("clippings", title="Clippings")
    def clippings(job: object, payload: Clippings) -> None:
        """Do nothing."""

    services.registry.add(clippings)
    services.jobs.largest_file = 10
    pages = [(BytesIO(b"x" * 6), "a.txt"), (BytesIO(b"x" * 5), "b.txt")]
    refused = program.post("/jobs", data={"job": json.dumps({"type": "clippings"}), "pages": pages})
    assert refused.status_code == 422
    assert "larger than the limit of 10 bytes in total" in refused.text
    services.settings = services.settings.model_copy(update={"max_upload_bytes": 10})
    head = b'--edge\r\nContent-Disposition: form-data; name="pages"; filename="a.txt"\r\n\r\n'
    body = head + b"x" * (SMALL_BODY + 1000)
    large = program.post("/jobs", data=body, content_type="multipart/form-data; boundary=edge")
    assert large.status_code == 413, "it is not received to the end"
    assert everything(services.files) == []


def test_a_repeated_upload_creates_one_job_and_keeps_one_file(program: Program, services: Services) -> None:
    answers = []
    for _ in range(2):
        parts = {"job": json.dumps({"type": "dataset_report"}), "file": (BytesIO(b"a,b\n1,2\n"), "may.csv")}
        answers.append(program.post("/jobs", data=parts, headers={"Idempotency-Key": "one"}))
    assert answers[0].json == answers[1].json
    assert len(everything(services.files)) == 1


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "#/type"),
        ({"type": "nothing"}, "#/type"),
        ({"type": "user_import"}, "#/type"),
        ({**EXPORT, "payload": {"format": "stone"}}, "#/payload/format"),
        ({**EXPORT, "payload": {"forma": "csv"}}, "#/payload/forma"),
        ({**EXPORT, "priority": 9}, "#/priority"),
        ({**EXPORT, "queue": "x", "unique_key": "y"}, "#/queue"),
        ({**EXPORT, "after": [str(uuid4())]}, "#/after"),
        ({**EXPORT, "run_at": "2026-01-01T00:00"}, "#/run_at"),
        ({**EXPORT, "delay": -1}, "#/delay"),
    ],
)
def test_a_bad_request_names_the_place(program: Program, body: Any, pointer: str) -> None:
    assert pointer in errors_of(program.post("/jobs", body))


def test_operators_choose_the_priority(admins_program: Program) -> None:
    assert admins_program.post("/jobs", {**EXPORT, "priority": 500}).json["priority"] == 500


def test_a_list_is_paged_by_keys_and_filtered_as_on_the_page(program: Program, put: Callable[..., Job]) -> None:
    jobs = [put(Status.FAILED if number % 2 else Status.COMPLETED) for number in range(5)]
    seen, address = [], "/jobs?limit=2"
    while address:
        answer = program.get(address)
        seen += [each["id"] for each in answer.json["items"]]
        address = answer.json["next"]
        assert (f"<{address}>" in answer.headers.get("Link", "")) is bool(address)
    assert seen == [str(job.id) for job in reversed(jobs)]
    assert len(program.get("/jobs?tab=failed").json["items"]) == 2
    assert errors_of(program.get("/jobs?since=yesterday"))


def test_filters_of_operators_are_refused_to_others(program: Program, admins_program: Program) -> None:
    assert "owner" in errors_of(program.get("/jobs?owner=root"))
    assert admins_program.get("/jobs?owner=root&status=failed").status_code == 200


def test_a_list_and_a_job_answer_304_until_they_change(program: Program, put: Callable[..., Job], change: Any) -> None:
    job = put(Status.RUNNING)
    for path in ("/jobs?limit=10", f"/jobs/{job.id}"):
        tag = program.get(path).headers["ETag"]
        same = program.get(path, headers={"If-None-Match": tag})
        assert (same.status_code, same.data) == (304, b"")
        change(job, message="on")
        assert program.get(path, headers={"If-None-Match": tag}).status_code == 200


def test_a_public_job_can_be_seen_but_not_read(program: Program, put: Callable[..., Job]) -> None:
    texts: dict[str, Any] = {"message": "word", "payload": {"a": "word"}, "errors": ({"text": "word"},)}
    job = put(Status.FAILED, owner=Owner(public=True), **texts)
    answer = program.get(f"/jobs/{job.id}")
    assert answer.status_code == 200
    assert "word" not in answer.text
    assert program.get(f"/jobs/{job.id}/log").status_code == 404
    assert program.get(f"/jobs/{job.id}/files").status_code == 404


def test_a_record_only_job_is_reported_from_outside(program: Program, services: Services) -> None:
    made = program.post("/jobs", {**EXPORT, "record_only": True}).json
    report = lambda **body: program.call("PATCH", made["url"], json=body)  # noqa: E731
    assert report(status="running", progress=40, message="Halfway").json["progress"] == 40
    assert report(done=3, total=4).json["progress"] == 75
    done = report(status="completed", warnings=["One row was skipped."]).json
    assert (done["status"], done["progress"], done["warnings"][0]["text"]) == ("completed", 100, "One row was skipped.")
    assert report(progress=5).status_code == 409 or report(status="running").status_code == 409


def test_a_job_of_a_worker_is_not_reported_from_outside(program: Program) -> None:
    made = program.post("/jobs", EXPORT).json
    assert program.call("PATCH", made["url"], json={"progress": 5}).status_code == 422


def test_a_page_says_which_program_started_a_job(
    program: Program, client_of: Callable[[User], Any], user: User, services: Services
) -> None:
    made = program.post("/jobs", EXPORT).json
    assert program.name in client_of(user).get(made["page"]).text
    assert services.queries.jobs.timeline(services.queries.all_jobs.newest(1)[0].id)[0].detail == program.name


def test_children_attempts_and_log_are_listed(
    program: Program, services: Services, put: Callable[..., Job], write_log: Callable[..., None]
) -> None:
    root = put(Status.WAITING, parts=3)
    children = [put(Status.COMPLETED, root_id=root.id) for _ in range(3)]
    first = program.get(f"/jobs/{root.id}/children?limit=2").json
    assert [each["id"] for each in first["items"]] == [str(child.id) for child in children[:2]]
    assert [each["id"] for each in program.get(first["next"]).json["items"]] == [str(children[2].id)]
    write_log(root, "one", "two", "three")
    lines = program.get(f"/jobs/{root.id}/log?limit=2").json
    assert [line["text"] for line in lines["items"]] == ["one", "two"]
    assert [line["text"] for line in program.get(lines["next"]).json["items"]] == ["three"]


def test_a_bulk_action_says_what_it_did(program: Program, put: Callable[..., Job]) -> None:
    queued, done = put(Status.QUEUED), put(Status.COMPLETED)
    answer = program.post("/jobs/bulk", {"action": "stop", "ids": [str(queued.id), str(done.id), str(uuid4())]}).json
    assert answer == {"done": [str(queued.id)], "refused": [{"id": str(done.id), "reason": "Already ended."}]}
    assert program.post("/jobs/bulk", {"action": "stop"}).status_code == 422
    started = program.post("/jobs/bulk", {"action": "delete", "filter": {"tab": "done"}})
    assert (started.status_code, started.json["type"]) == (202, "bulk_action")


def test_many_jobs_are_shared_with_a_group_and_with_none(
    program: Program, services: Services, user: User, put: Callable[..., Job]
) -> None:
    job, child = put(Status.QUEUED), put(Status.QUEUED, root_id=put().id)
    services.user_groups.add_member(services.user_groups.add("Finance"), user.id)
    services.user_groups.add("Sales")
    body = {"action": "share", "ids": [str(job.id), str(child.id)]}
    for group in (None, ""):
        assert set(errors_of(program.post("/jobs/bulk", {**body, "group": group}))) == {"#/group"}
    assert program.post("/jobs/bulk", {**body, "group": "Sales"}).status_code == 403
    shared = program.post("/jobs/bulk", {**body, "group": "Finance"}).json
    reason = "Child jobs are handled with their parent job."
    assert shared == {"done": [str(job.id)], "refused": [{"id": str(child.id), "reason": reason}]}
    assert services.jobs.get(job.id).shared_with == "Finance"
    assert set(errors_of(program.post("/jobs/bulk", {**body, "action": "unshare", "group": "Finance"}))) == {"#/group"}
    assert program.post("/jobs/bulk", {**body, "action": "unshare"}).json["done"] == [str(job.id)]
    again = program.post("/jobs/bulk", {**body, "action": "unshare", "ids": [str(job.id)]}).json
    assert again["refused"] == [{"id": str(job.id), "reason": "Not shared with a group."}]
    started = program.post("/jobs/bulk", {"action": "share", "group": "Finance", "filter": {"tab": "waiting"}})
    assert (started.status_code, started.json["title"]) == (202, "Share matching jobs")


def test_a_group_that_does_not_exist_is_named(
    admins_program: Program, services: Services, put: Callable[..., Job]
) -> None:
    refused = admins_program.post("/jobs/bulk", {"action": "share", "group": "Gone", "ids": [str(put().id)]})
    assert errors_of(refused) == {"#/group": "There is no group Gone."}


def test_a_saved_filter_narrows_the_list_by_its_name(program: Program, put: Callable[..., Job]) -> None:
    failed, done = put(Status.FAILED), put(Status.COMPLETED)
    made = program.post("/filters", json={"name": "Broken", "filter": {"tab": "failed"}})
    assert (made.status_code, made.json["filter"], made.json["own"]) == (201, {"tab": "failed"}, True)
    listed = program.get("/jobs?filter=broken").json["items"]
    assert [job["id"] for job in listed] == [str(failed.id)]
    others = program.get("/jobs?filter=broken&tab=done").json["items"]
    assert [job["id"] for job in others] == [str(done.id)], "a parameter replaces that of the filter"
    assert set(errors_of(program.get("/jobs?filter=nothing"))) == {"filter"}
    unknown = program.post("/filters", json={"name": "Bad", "filter": {"nothing": "1"}})
    assert (unknown.status_code, set(errors_of(unknown))) == (422, {"filter.nothing"})
    hidden = program.post("/filters", json={"name": "Bad", "filter": {"queue": "slow"}})
    assert set(errors_of(hidden)) == {"filter.queue"}, "only for those who see the installation"
    assert program.call("PATCH", f"/filters/{made.json['id']}", json={"name": "Renamed"}).json["name"] == "Renamed"
    assert program.post("/filters", json={"name": " ", "filter": {}}).status_code == 422
    assert program.call("DELETE", f"/filters/{made.json['id']}").status_code == 204
    assert program.get("/filters").json["items"] == []


def test_what_waits_for_approval_is_listed_and_decided_once(
    program: Program, program_of: Callable[..., Program], person: Callable[..., User], services: Services
) -> None:
    services.registry.add(guarded)
    bo = program_of(person("bo", role="operator"))
    jobs = [program.post("/jobs", {"type": "guarded", "payload": {"format": "csv"}}).json for _ in range(2)]
    assert {(job["status"], job["approval"]) for job in jobs} == {("held", "pending")}
    assert [job["id"] for job in bo.get("/approvals").json["items"]] == [job["id"] for job in jobs]
    assert program.get("/approvals").json["items"] == []
    first, second = (job["url"] for job in jobs)
    refused = [
        (program.post(f"{first}/approve", {}), 403, "Only the approvers of this job type can do this."),
        (bo.post(f"{first}/approve", {"version": 7}), 409, "has changed since version 7 was read."),
        (bo.post(f"{first}/reject", {"reason": " "}), 422, "Give a reason."),
        (program_of(person("eve")).post(f"{first}/approve", {}), 404, ""),
    ]
    for answer, status, sentence in refused:
        assert answer.status_code == status
        assert sentence in answer.text
    assert program.get(first).json == jobs[0]
    approved = bo.post(f"{first}/approve", {"version": jobs[0]["version"]}).json
    assert (approved["status"], approved["approval"]) == ("queued", "approved")
    rejected = bo.post(f"{second}/reject", {"reason": "The wrong month"}).json
    assert (rejected["status"], rejected["approval"], rejected["message"]) == (
        "cancelled",
        "rejected",
        "The wrong month",
    )
    for url, sentence in ((first, "was already approved."), (second, "was already rejected.")):
        again = bo.post(f"{url}/approve", {})
        assert (again.status_code, sentence in again.text) == (409, True)


def test_a_job_over_its_rate_says_when_it_may_start(
    program: Program, services: Services, user: User, run_jobs: Callable[..., int]
) -> None:
    @job_type("rated", title="Rated", max_per=Rate(1, timedelta(hours=1)))
    def rated(job: object, payload: Clippings) -> None:
        """Do nothing."""

    services.registry.add(rated)
    first, second = services.jobs.create_many("rated", [{}] * 2, owner=Owner(user_id=user.id))
    vars(services).pop("claims", None)  # made before there was a rate
    assert run_jobs() == 1
    started, waiting = (program.get(f"/jobs/{job_id}").json for job_id in (first, second))
    may_start, started_at = (datetime.fromisoformat(each) for each in (waiting["may_start_at"], started["started_at"]))
    assert timedelta(minutes=59) < may_start - started_at < timedelta(minutes=61)
    assert started["may_start_at"] is None
    assert {job["may_start_at"] for job in program.get("/jobs").json["items"]} == {None}, "one look for each job"
    assert program.get("/types/rated").json["max_per"] == {"starts": 1, "period": 3600.0, "by": "type"}
