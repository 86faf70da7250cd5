"""The page of one job: contents, visibility and polls."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy import insert, update

from tests.jobs.conftest import Nothing
from webapp.accounts.user import User
from webapp.db.engine import writing
from webapp.jobs import JobContext, Rate, job_type
from webapp.jobs.model.job import EventName, Job, Owner, Status
from webapp.jobs.store import events
from webapp.jobs.store.attachments import Attachment
from webapp.schema import attempts, jobs, now
from webapp.services import Services

POLL = {"HX-Request": "true", "X-Poll": "1"}
Put = Callable[..., Job]
Attach = Callable[..., Attachment]


def text_of(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page).replace("\N{NO-BREAK SPACE}", " ").split())


@pytest.mark.parametrize("status", Status)
def test_a_job_of_any_status_has_a_page(client: FlaskClient, put: Put, status: Status) -> None:
    job = put(status)
    page = client.get(f"/jobs/{job.id}")
    assert page.status_code == 200
    assert f"#{job.short_id}" in page.text
    assert "<h1>Monthly report</h1>" in page.text


def test_a_running_job_is_polled_and_a_finished_one_is_not(client: FlaskClient, put: Put) -> None:
    running, done = put(Status.RUNNING), put(Status.COMPLETED)
    assert re.search(
        f'hx-get="/jobs/{running.id}/_live[^"]*" hx-trigger="every ', client.get(f"/jobs/{running.id}/_live").text
    )
    for address in (f"/jobs/{done.id}", f"/jobs/{done.id}/_live"):
        assert "data-poll" not in client.get(address).text
        assert "hx-trigger" not in client.get(address).text


def test_the_window_title_shows_the_progress(client: FlaskClient, put: Put) -> None:
    job = put(Status.RUNNING, progress=42.0)
    assert "<title>42 % · Monthly report · Deskjob</title>" in client.get(f"/jobs/{job.id}/_live").text
    done = put(Status.COMPLETED)
    assert "<title>Done: Monthly report · Deskjob</title>" in client.get(f"/jobs/{done.id}").text


def test_a_job_of_another_user_is_not_found(
    client_of: Callable[[User], FlaskClient], person: Callable[..., User], put: Put
) -> None:
    job, client = put(), client_of(person("bob"))
    for end in ("", "/_live", "/_log"):
        theirs, unknown = client.get(f"/jobs/{job.id}{end}"), client.get(f"/jobs/{uuid4()}{end}")
        assert theirs.status_code == unknown.status_code == 404
        assert without_token(theirs.text) == without_token(unknown.text)


def without_token(page: str) -> str:
    return re.sub(r'name="csrf_token" value="[^"]+"', "", page)


@pytest.mark.parametrize(
    ("end", "words"),
    [("/_live", "This job was deleted, or you can no longer see it."), ("/_log", "No more log lines.")],
)
def test_an_open_page_says_that_its_job_was_deleted(client: FlaskClient, end: str, words: str) -> None:
    answer = client.get(f"/jobs/{uuid4()}{end}", headers=POLL)
    assert answer.status_code == 410
    assert words in answer.text
    assert "hx-trigger" not in answer.text


def test_a_failure_is_explained_and_only_operators_see_the_traceback(
    client: FlaskClient, admins: FlaskClient, put: Put, services: Services
) -> None:
    job = put(Status.FAILED, attempt=1, errors=({"text": "The file has no column sku.", "at": ""},))
    row = {"job_id": job.id, "number": 1, "outcome": "failed", "worker": "w1", "host": "h", "pid": 7}
    with writing(services.engine) as connection:
        connection.execute(
            insert(attempts).values(**row, started_at=now(), finished_at=now(), traceback="Traceback: secret path")
        )
    page, operators = client.get(f"/jobs/{job.id}").text, admins.get(f"/jobs/{job.id}").text
    assert "The file has no column sku." in page
    assert "What you can do" in page
    assert "secret path" not in page
    assert "Technical details" not in page
    assert "secret path" in operators
    assert str(job.id) in text_of(operators)


def test_warnings_and_errors_are_lists(client: FlaskClient, put: Put) -> None:
    warnings = ({"text": "Line 17 was left out.", "at": "2026-11-21T12:00:00+00:00"}, {"text": "<b>Line 18</b>"})
    page = client.get(f"/jobs/{put(Status.COMPLETED, warnings=warnings, errors=({'text': 'Half done.'},)).id}").text
    assert "Line 17 was left out." in page
    assert "&lt;b&gt;Line 18&lt;/b&gt;" in page
    assert "Half done." in page


def test_files_are_offered_while_the_job_runs(client: FlaskClient, put: Put, attach: Attach) -> None:
    job = put(Status.RUNNING)
    given, made = attach(job, "in.csv", role="input"), attach(job, "part-1.pdf", b"x" * 2_400_000)
    page = client.get(f"/jobs/{job.id}/_live").text
    assert f"/jobs/{job.id}/files/{given.id}" in page
    assert f"/jobs/{job.id}/files/{made.id}" in page
    assert "2.4 MB" in page


def test_expired_files_are_listed_as_deleted(client: FlaskClient, put: Put, attach: Attach, long_ago: datetime) -> None:
    job = put(Status.COMPLETED)
    old = attach(job, "old.pdf", expires_at=long_ago)
    kept = attach(job, "new.pdf", expires_at=job.created_at + timedelta(days=7))
    page = client.get(f"/jobs/{job.id}").text
    assert f"/files/{old.id}" not in page
    assert "deleted 1 Jan 2020" in text_of(page)
    assert f"/files/{kept.id}" in page
    assert "kept until" in page
    assert kept.sha256[:12] in page


def test_the_page_says_when_a_file_of_a_short_lifetime_is_deleted(
    client: FlaskClient, put: Put, attach: Attach, services: Services
) -> None:
    soon = services.queries.jobs.now() + timedelta(hours=3)
    job = put(Status.RUNNING)
    attach(job, "key.txt", expires_at=soon)
    page = text_of(client.get(f"/jobs/{job.id}").text)
    assert re.search(r"kept until [^·]*\d\d:\d\d", page)


def test_the_page_shows_no_file_as_kept_for_longer_than_its_job(
    client: FlaskClient, put: Put, attach: Attach, services: Services
) -> None:
    now = services.queries.jobs.now()
    job = put(Status.COMPLETED, finished_at=now)
    attach(job, "report.pdf", expires_at=now + timedelta(days=2000))
    page = text_of(client.get(f"/jobs/{job.id}").text)
    removed_at = services.pruner.deletion_time(services.jobs.get(job.id))
    assert removed_at
    assert f"kept until {removed_at.day} {removed_at:%b}" in page


def test_the_timeline_shows_who_did_what(client: FlaskClient, put: Put, services: Services, user: User) -> None:
    job = put(Status.CANCELLED, attempt=1, max_attempts=3)
    with writing(services.engine) as connection:
        events.insert(connection, events.rows_of([job], EventName.CREATED, actor_id=user.id))
        events.insert(connection, events.rows_of([job], EventName.STARTED))
        events.insert(connection, events.rows_of([job], EventName.CANCEL_REQUESTED, actor_id=user.id))
        events.insert(connection, events.rows_of([job], EventName.CANCELLED))
    page = text_of(client.get(f"/jobs/{job.id}").text)
    for line in ("Created by you", "Attempt 1 of 3 started", "Stop requested by you", "Stopped by you"):
        assert line in page


def test_parameters_of_a_type_that_is_not_installed_are_not_shown(client: FlaskClient, put: Put) -> None:
    page = client.get(f"/jobs/{put(payload={'api_key': 'in the clear'}).id}").text
    assert "no longer installed" in page
    assert "in the clear" not in page


def test_other_users_see_only_the_status_of_a_public_job(
    client_of: Callable[[User], FlaskClient],
    person: Callable[..., User],
    put: Put,
    attach: Attach,
    write_log: Callable[..., None],
) -> None:
    hidden = {"errors": ({"text": "canary error"},), "warnings": ({"text": "canary warning"},)}
    job = put(Status.FAILED, owner=Owner(public=True), payload={"text": "canary payload"}, **hidden)
    attach(job, "canary.pdf")
    write_log(job, "canary line")
    client = client_of(person("bob"))
    for address in ("/jobs", f"/jobs/{job.id}", f"/jobs/{job.id}/_live", f"/jobs/{job.id}/_log"):
        answer = client.get(address)
        assert answer.status_code == 200
        assert "canary" not in answer.text


def test_a_poll_of_the_log_continues_after_the_last_line(
    client: FlaskClient, put: Put, write_log: Callable[..., None]
) -> None:
    job = put(Status.RUNNING)
    write_log(job, "first", "<script>second</script>")
    page = client.get(f"/jobs/{job.id}").text
    assert "&lt;script&gt;second&lt;/script&gt;" in page
    address = re.search(r'hx-get="([^"]+_log\?after=\d+)"', page)[1]
    assert client.get(address, headers=POLL).status_code == 204
    write_log(job, "third")
    answer = client.get(address, headers=POLL).text
    assert "third" in answer
    assert "second" not in answer
    assert re.search(r'hx-get="([^"]+_log\?after=\d+)"', answer)[1] != address


def test_the_log_of_a_finished_job_is_not_polled(
    client: FlaskClient, put: Put, write_log: Callable[..., None], services: Services
) -> None:
    job = put(Status.RUNNING)
    write_log(job, "last words")
    with writing(services.engine) as connection:
        connection.execute(update(jobs).where(jobs.c.id == job.id).values(status="completed", finished_at=now()))
    answer = client.get(f"/jobs/{job.id}/_log?after=0", headers=POLL)
    assert "last words" in answer.text
    assert "hx-trigger" not in answer.text


def test_a_long_log_is_paginated_from_its_end(
    client: FlaskClient, put: Put, write_log: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.views.job.log.PAGE", 2)
    job = put(Status.COMPLETED)
    write_log(job, "line one", "line two", "line three", "line four")
    page = client.get(f"/jobs/{job.id}").text
    assert "line two" not in page
    assert "line three" in page
    earlier = client.get(link(page, "Earlier lines")).text
    assert "line one" in earlier
    assert "line three" not in earlier
    later = client.get(link(earlier, "Later lines")).text
    assert "line four" in later
    assert "Later lines" not in later


def test_a_log_can_be_filtered_by_level_and_attempt(
    client: FlaskClient, put: Put, write_log: Callable[..., None]
) -> None:
    job = put(Status.RUNNING, attempt=2)
    write_log(job, "plain words")
    write_log(job, "a warning", level="WARNING")
    write_log(job, "an error", level="ERROR", attempt=2)
    graver = client.get(f"/jobs/{job.id}?level=warning").text
    assert ("plain words" in graver, "a warning" in graver, "an error" in graver) == (False, True, True)
    assert "level=warning" in re.search(r'hx-get="([^"]+_log[^"]+)"', graver)[1]
    write_log(job, "printed words", level="OUTPUT")
    printed = client.get(f"/jobs/{job.id}?level=output").text
    assert ("plain words" in printed, "an error" in printed, "printed words" in printed) == (False, False, True)
    assert "printed words" not in client.get(f"/jobs/{job.id}?level=warning").text
    second = client.get(f"/jobs/{job.id}?attempt=2").text
    assert ("a warning" in second, "an error" in second) == (False, True)
    assert client.get(f"/jobs/{job.id}?level=nonsense&attempt=x&before=-1").status_code == 200


def link(page: str, words: str) -> str:
    return re.search(rf'href="([^"#]+)[^"]*">{words}', page)[1].replace("&amp;", "&")


def asked_again(client: FlaskClient, job: Job) -> tuple[str, str]:
    """Return the address that the page asks for again, and the tag that it has."""
    page = client.get(f"/jobs/{job.id}").text
    found = re.search(r'hx-get="(/jobs/[^"]+/_live[^"]*)"[^>]* hx-ptag="(\w+)"', page)
    return found[1].replace("&amp;", "&"), found[2]


@pytest.mark.usefixtures("nothing_grows_old")
def test_an_unchanged_page_is_answered_with_304(
    client: FlaskClient, put: Put, attach: Attach, services: Services, user: User
) -> None:
    job = put(Status.WAITING, parts=1, started_at=None, created_at=services.queries.jobs.now() - timedelta(hours=1))
    part = put(Status.RUNNING, root_id=job.id)
    address, tag = asked_again(client, job)

    def is_new() -> bool:
        nonlocal tag
        answer = client.get(address, headers={**POLL, "HX-PTag": tag})
        tag = answer.headers.get("HX-PTag", tag)
        return answer.status_code == 200

    assert not is_new()
    attach(job, "a.pdf")
    assert (is_new(), is_new()) == (True, False)
    services.jobs.change(part.id, lambda current: current.with_progress(50.0))
    assert (is_new(), is_new()) == (True, False)
    services.admin_jobs.pin(job.id, by=user.id)
    assert (is_new(), is_new()) == (True, False)


def test_a_finished_job_is_never_answered_with_304(client: FlaskClient, put: Put, services: Services) -> None:
    job = put(Status.RUNNING)
    address, _ = asked_again(client, job)
    with writing(services.engine) as connection:
        connection.execute(update(jobs).where(jobs.c.id == job.id).values(status="completed", finished_at=now()))
    answer = client.get(address, headers=POLL)
    assert "data-poll" not in answer.text
    assert client.get(address, headers={**POLL, "HX-PTag": answer.headers["HX-PTag"]}).status_code == 200


def test_the_time_left_stays_steady_between_polls(client: FlaskClient, put: Put, services: Services) -> None:
    job = put(Status.RUNNING, progress=50.0, started_at=services.queries.jobs.now() - timedelta(hours=2))
    address, _ = asked_again(client, job)
    assert re.search(r"\?left=(\d+)&at=\d+", address)
    shown_at = int(services.queries.jobs.now().timestamp())
    again = client.get(f"/jobs/{job.id}/_live?left=7000&at={shown_at}").text
    assert 6400 <= int(re.search(r"\?left=(\d+)&", again)[1]) <= 7000
    for nonsense in ("left=x&at=y", "left=-5&at=-5", f"left={10**30}&at={10**30}", "left=1"):
        assert client.get(f"/jobs/{job.id}/_live?{nonsense}").status_code == 200


def test_a_waiting_job_shows_who_paused_its_queue_and_why(
    client: FlaskClient, admins: FlaskClient, admin: User, put: Put, services: Services
) -> None:
    job = put(Status.QUEUED)
    services.queues.pause("default", reason="Moving the database", by=admin.id)
    assert "Queue paused by an operator, just now: Moving the database." in client.get(f"/jobs/{job.id}").text
    assert "Queue paused by you, just now" in admins.get(f"/jobs/{job.id}").text


def test_a_planned_retry_shows_its_error_and_its_time(client: FlaskClient, put: Put, services: Services) -> None:
    due = services.queries.jobs.now() + timedelta(minutes=5)
    job = put(Status.SCHEDULED, attempt=1, max_attempts=3, run_at=due, errors=({"text": "The shop is closed."},))
    page = text_of(client.get(f"/jobs/{job.id}").text)
    assert "Attempt 1 of 3 failed. The next attempt starts in 5 min." in page
    assert "The shop is closed." in page
    assert "will be retried automatically" in page


def test_the_advice_about_a_failure_depends_on_the_job(client: FlaskClient, put: Put) -> None:
    lone = text_of(client.get(f"/jobs/{put(Status.FAILED, errors=({'text': 'No.'},)).id}").text)
    assert "retry it" in lone
    root = put(Status.FAILED, parts=1, parts_failed=1)
    part = text_of(client.get(f"/jobs/{put(Status.FAILED, root_id=root.id).id}").text)
    assert "retry it" in part, "its own button is active"
    assert "Retry its parent job" not in part
    lost = text_of(client.get(f"/jobs/{put(Status.STALE).id}").text)
    assert "Check its files and its log" in lost


def test_dependent_jobs_link_to_each_other(client: FlaskClient, services: Services, put: Put, user: User) -> None:
    first = put(Status.QUEUED)
    second = services.jobs.create_user_job("maintenance", {}, user.id, after=[first.id])
    assert f"/jobs/{second.id}" in client.get(f"/jobs/{first.id}").text
    assert f"/jobs/{first.id}" in client.get(f"/jobs/{second.id}").text


def test_owners_see_attempts_and_only_operators_see_their_workers(
    client: FlaskClient, admins: FlaskClient, put: Put, services: Services
) -> None:
    job = put(Status.COMPLETED, attempt=2, max_attempts=3)
    row = {"job_id": job.id, "worker": "w1", "host": "the-host", "pid": 7, "started_at": now(), "finished_at": now()}
    used = {"peak_memory": 98_300_000, "cpu_seconds": 0.25}
    with writing(services.engine) as connection:
        connection.execute(insert(attempts).values(number=1, outcome="failed", error="No stamp.", **row, **used))
        connection.execute(insert(attempts).values(number=2, outcome="completed", **row))
    own, theirs = (text_of(who.get(f"/jobs/{job.id}").text) for who in (client, admins))
    assert "Attempt 1 Failed" in own
    assert "No stamp." in own
    assert "the-host" not in own
    assert "w1 · the-host, process 7 · peak memory 98.3 MB · CPU time 0.25 s" in theirs


def test_metadata_is_shown_without_secrets(client: FlaskClient, put: Put) -> None:
    page = client.get(f"/jobs/{put(metadata={'cost_centre': '4711', 'token': {'$secret': 'gAAA'}}).id}").text
    assert "Cost centre" in page
    assert "4711" in page
    assert "gAAA" not in page


def test_parameters_that_are_not_set_are_named_in_one_line(client: FlaskClient, put: Put) -> None:
    job = put(
        Status.COMPLETED, type="bulk_action", payload={"action": "retry", "tab": "failed", "text": "", "status": ""}
    )
    page = text_of(client.get(f"/jobs/{job.id}").text)
    assert "Not set:" in page
    assert page.count("Not set") == 1


def test_a_job_over_its_rate_says_when_it_may_start_on_its_page_and_in_lists(
    client: FlaskClient, services: Services, user: User, run_jobs: Callable[..., int]
) -> None:
    @job_type("rated", title="Rated", max_per=Rate(1, timedelta(minutes=30), by="owner"))
    def rated(job: JobContext, payload: Nothing) -> None:
        """Do nothing."""

    services.registry.add(rated)
    ids = services.jobs.create_many("rated", [{}] * 2, owner=Owner(user_id=user.id))
    vars(services).pop("claims", None)  # made before there was a rate
    assert run_jobs() == 1
    page = text_of(client.get(f"/jobs/{ids[1]}").text)
    assert re.search(r"May start in \d+ min: 1 in 30 min of this type for each owner\.", page)
    assert "It waits for its turn: 1 in 30 min of this type for each owner." in text_of(client.get("/jobs").text)
