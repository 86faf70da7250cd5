import html
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy import insert, update

from webapp.accounts.user import User
from webapp.database import writing
from webapp.jobs import events
from webapp.jobs.attachments import Attachment
from webapp.jobs.job import Job, Owner, Status
from webapp.schema import attempts, jobs, log_lines, now
from webapp.services import Services

POLL = {"HX-Request": "true", "X-Poll": "1"}
Put = Callable[..., Job]
Attach = Callable[..., Attachment]


@pytest.fixture
def client(client_of: Callable[[User], FlaskClient], user: User) -> FlaskClient:
    return client_of(user)


@pytest.fixture
def admins(client_of: Callable[[User], FlaskClient], admin: User) -> FlaskClient:
    return client_of(admin)


@pytest.fixture
def write_log(services: Services) -> Callable[..., None]:
    def write(job: Job, *texts: str, level: str = "info") -> None:
        rows = [{"job_id": job.id, "attempt": 1, "level": level, "text": text} for text in texts]
        with writing(services.engine) as connection:
            connection.execute(insert(log_lines).values(at=now()), rows)

    return write


def text_of(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page).replace("\N{NO-BREAK SPACE}", " ").split())


def test_the_first_page_is_the_list(client: FlaskClient) -> None:
    assert client.get("/").location == "/jobs"


def test_someone_without_jobs_is_told_how_to_begin(client: FlaskClient) -> None:
    page = client.get("/jobs").text
    assert "No jobs yet" in page
    assert 'href="/jobs/new"' in page


def test_an_empty_filter_is_not_taken_for_an_empty_house(client: FlaskClient, put: Put) -> None:
    put(Status.COMPLETED)
    page = client.get("/jobs?tab=failed").text
    assert "There are no failed jobs" in page
    assert "No jobs yet" not in page
    assert "Show all jobs" in page


def test_the_list_says_what_each_job_is_and_how_it_stands(client: FlaskClient, put: Put, attach: Attach) -> None:
    done = put(Status.COMPLETED, message="200 of 200 customers")
    attach(done, "report.pdf")
    failed = put(Status.FAILED, title="Sync stock", errors=({"text": "The file has no column sku."},))
    page = client.get("/jobs").text
    assert f"#{done.short_id}" in page
    assert f"/jobs/{done.id}" in page
    assert "200 of 200 customers" in page
    assert "report.pdf" in page
    assert "The file has no column sku." in page
    assert f'id="job-{failed.id}"' in page
    assert "You" in page


def test_jobs_of_one_type_are_told_apart_by_what_they_were_given(client: FlaskClient, put: Put, attach: Attach) -> None:
    done, silent = put(Status.COMPLETED, message="3,376 rows"), put(Status.COMPLETED)
    failed = put(Status.FAILED, errors=({"text": "The file has no column sku."},))
    running = put(Status.RUNNING, message="12 rows")
    for job, name in ((done, "airports.csv"), (silent, "ports.csv"), (failed, "stock.csv"), (running, "roads.csv")):
        attach(job, name, role="input")
    for number in (2, 3):
        attach(silent, f"ports-{number}.csv", role="input")
    page = text_of(client.get("/jobs").text)
    assert "airports.csv · 3,376 rows" in page
    assert "ports.csv, ports-2.csv and 1 more" in page
    assert "stock.csv · The file has no column sku." in page
    assert "roads.csv · 12 rows" in page


def test_the_list_says_by_whom_in_words(client: FlaskClient, put: Put) -> None:
    put(Status.COMPLETED)
    page = client.get("/jobs").text
    assert ">You<" in page
    assert ">by you<" in page


def test_only_kinds_that_somebody_can_meet_are_offered(client: FlaskClient, admins: FlaskClient, put: Put) -> None:
    offered = '<option value="user_import">'
    assert offered not in client.get("/jobs").text
    assert offered in admins.get("/jobs").text
    put(Status.COMPLETED, type="user_import")
    assert offered in client.get("/jobs").text


def test_what_runs_is_shown_above_the_list_and_not_twice(client: FlaskClient, put: Put) -> None:
    job = put(Status.RUNNING, progress=23.0, done=46.0, total=200.0, message="46 of 200 customers")
    page = client.get("/jobs").text
    assert "Running now" in page
    assert '<progress class="bar" max="100" value="23.0" aria-label="Progress of Monthly report">' in page
    assert f'id="run-{job.id}"' in page
    assert f'id="job-{job.id}"' not in page


def test_an_unknown_total_is_an_indeterminate_bar(client: FlaskClient, put: Put) -> None:
    put(Status.RUNNING, done=1204.0, progress=61.6)
    assert '<progress class="bar" max="100" aria-label' in client.get("/jobs").text


def test_tabs_and_kinds_narrow_the_list(client: FlaskClient, put: Put) -> None:
    failed, done = put(Status.FAILED), put(Status.COMPLETED, type="other")
    assert str(failed.id) in client.get("/jobs?tab=failed").text
    assert str(done.id) not in client.get("/jobs?tab=failed").text
    assert str(failed.id) not in client.get("/jobs?type=other").text


def test_a_list_goes_on_to_older_jobs(client: FlaskClient, put: Put) -> None:
    oldest, *_ = [put(Status.COMPLETED) for _ in range(52)]
    first = client.get("/jobs").text
    older = re.search(r'rel="next" href="([^"]+)"', first)[1].replace("&amp;", "&")
    assert str(oldest.id) not in first
    second = client.get(older).text
    assert str(oldest.id) in second
    assert 'rel="next"' not in second


def test_a_count_that_is_too_long_to_count_says_so(
    client: FlaskClient, put: Put, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.views.job_list.TAB_CEILING", 2)
    [put(Status.COMPLETED) for _ in range(2)]
    assert "2+" in client.get("/jobs").text


def test_waiting_jobs_without_a_worker_are_explained(client: FlaskClient, put: Put) -> None:
    assert "no worker is running" not in client.get("/jobs").text
    put(Status.QUEUED)
    page = client.get("/jobs").text
    assert "Jobs wait, but no worker is running." in page
    assert "<code>default</code>" not in page


def test_those_who_operate_read_which_queue_nobody_works_on(admins: FlaskClient, put: Put) -> None:
    put(Status.QUEUED, queue="reports")
    assert "<code>reports</code>" in admins.get("/jobs").text


def test_people_see_their_own_jobs_and_public_ones(
    client_of: Callable[[User], FlaskClient], person: Callable[..., User], put: Put
) -> None:
    own, public = put(), put(owner=Owner(public=True), title="Nightly backup")
    page = client_of(person("bob")).get("/jobs").text
    assert str(own.id) not in page
    assert str(public.id) in page
    assert "System" in page


def test_those_who_see_all_read_whose_job_it_is(admins: FlaskClient, put: Put) -> None:
    put()
    assert "Ana Ruiz" in admins.get("/jobs").text


def test_the_list_asks_again_by_itself(client: FlaskClient, put: Put) -> None:
    idle = re.search(r'hx-trigger="every (\d+)ms', client.get("/jobs?tab=all").text)
    put(Status.RUNNING)
    busy = re.search(r'hx-trigger="every (\d+)ms', client.get("/jobs?tab=all").text)
    assert int(idle[1]) >= 9000
    assert int(busy[1]) <= 2200


def asking_again(page: str) -> str:
    return html.unescape(re.search(r'hx-get="(/jobs/_live[^"]*)"', page)[1])


def test_the_list_keeps_its_filter_when_it_asks_again(client: FlaskClient) -> None:
    again = asking_again(client.get("/jobs?tab=failed&type=report&q=a+b&whose=mine&when=7").text)
    assert again.startswith("/jobs/_live?tab=failed&type=report&whose=mine&q=a+b&when=7&shown=")


def test_an_unchanged_list_is_answered_with_304(client: FlaskClient, put: Put, services: Services) -> None:
    job = put(Status.RUNNING)
    page = client.get("/jobs").text
    again, tag = asking_again(page), re.search(r'hx-ptag="(\w+)"', page)[1]
    unchanged = client.get(again, headers={**POLL, "HX-PTag": tag})
    assert (unchanged.status_code, unchanged.data) == (304, b"")
    services.jobs.change(job.id, lambda old: old.with_progress(50.0))
    changed = client.get(again, headers={**POLL, "HX-PTag": tag})
    assert changed.status_code == 200
    assert changed.headers["HX-PTag"] != tag
    assert f'hx-ptag="{changed.headers["HX-PTag"]}"' in changed.text


def test_one_persons_tag_is_not_another_ones(client: FlaskClient, admins: FlaskClient) -> None:
    assert client.get("/jobs/_live").headers["HX-PTag"] != admins.get("/jobs/_live").headers["HX-PTag"]


@pytest.mark.parametrize("status", Status)
def test_a_job_of_any_status_has_a_page(client: FlaskClient, put: Put, status: Status) -> None:
    job = put(status)
    page = client.get(f"/jobs/{job.id}")
    assert page.status_code == 200
    assert f"#{job.short_id}" in page.text
    assert "<h1>Monthly report</h1>" in page.text


def test_a_running_job_asks_again_and_a_finished_one_does_not(client: FlaskClient, put: Put) -> None:
    running, done = put(Status.RUNNING), put(Status.COMPLETED)
    assert f'hx-get="/jobs/{running.id}/_live" hx-trigger="every ' in client.get(f"/jobs/{running.id}/_live").text
    for address in (f"/jobs/{done.id}", f"/jobs/{done.id}/_live"):
        assert "hx-get" not in client.get(address).text
        assert "hx-trigger" not in client.get(address).text


def test_the_title_of_the_window_tells_the_progress(client: FlaskClient, put: Put) -> None:
    job = put(Status.RUNNING, progress=42.0)
    assert "<title>42 % · Monthly report · Deskjob</title>" in client.get(f"/jobs/{job.id}/_live").text
    done = put(Status.COMPLETED)
    assert "<title>Done: Monthly report · Deskjob</title>" in client.get(f"/jobs/{done.id}").text


def test_somebody_elses_job_is_answered_like_one_that_never_was(
    client_of: Callable[[User], FlaskClient], person: Callable[..., User], put: Put
) -> None:
    job, client = put(), client_of(person("bob"))
    for end in ("", "/_live", "/_log"):
        theirs, unknown = client.get(f"/jobs/{job.id}{end}"), client.get(f"/jobs/{uuid4()}{end}")
        assert theirs.status_code == unknown.status_code == 404
        assert without_token(theirs.text) == without_token(unknown.text)


def without_token(page: str) -> str:
    return re.sub(r'name="csrf_token" value="[^"]+"', "", page)


@pytest.mark.parametrize(("end", "words"), [("/_live", "This job was removed."), ("/_log", "Nothing more will be")])
def test_an_open_page_learns_that_its_job_was_removed(client: FlaskClient, end: str, words: str) -> None:
    answer = client.get(f"/jobs/{uuid4()}{end}", headers=POLL)
    assert answer.status_code == 410
    assert words in answer.text
    assert "hx-trigger" not in answer.text


def test_a_failure_is_explained_and_the_trace_is_for_those_who_operate(
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


def test_files_that_have_expired_are_not_offered(
    client: FlaskClient, put: Put, attach: Attach, long_ago: datetime
) -> None:
    job = put(Status.COMPLETED)
    attach(job, "old.pdf", expires_at=long_ago)
    kept = attach(job, "new.pdf", expires_at=job.created_at + timedelta(days=7))
    page = client.get(f"/jobs/{job.id}").text
    assert "old.pdf" not in page
    assert str(kept.id) in page
    assert "kept until" in page


def test_the_timeline_tells_who_did_what(client: FlaskClient, put: Put, services: Services, user: User) -> None:
    job = put(Status.CANCELLED, attempt=1, max_attempts=3)
    with writing(services.engine) as connection:
        events.record(connection, [job], "created", actor_id=user.id)
        events.record(connection, [job], "started")
        events.record(connection, [job], "cancel_requested", actor_id=user.id)
        events.record(connection, [job], "cancelled")
    page = text_of(client.get(f"/jobs/{job.id}").text)
    for line in ("Created by you", "Attempt 1 of 3 started", "Asked to stop by you", "Stopped by you"):
        assert line in page


def test_parameters_of_a_removed_kind_of_job_are_not_shown(client: FlaskClient, put: Put) -> None:
    page = client.get(f"/jobs/{put(payload={'api_key': 'in the clear'}).id}").text
    assert "not installed any more" in page
    assert "in the clear" not in page


def test_others_see_of_a_public_job_only_that_it_runs(
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


def test_the_log_goes_on_where_it_ended(client: FlaskClient, put: Put, write_log: Callable[..., None]) -> None:
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


def test_the_log_of_a_finished_job_ends(
    client: FlaskClient, put: Put, write_log: Callable[..., None], services: Services
) -> None:
    job = put(Status.RUNNING)
    write_log(job, "last words")
    with writing(services.engine) as connection:
        connection.execute(update(jobs).where(jobs.c.id == job.id).values(status="completed", finished_at=now()))
    answer = client.get(f"/jobs/{job.id}/_log?after=0", headers=POLL)
    assert "last words" in answer.text
    assert "hx-trigger" not in answer.text


def test_a_long_log_is_read_in_pages(
    client: FlaskClient, put: Put, write_log: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.views.job_log.PAGE", 2)
    job = put(Status.COMPLETED)
    write_log(job, "one", "two", "three")
    page = client.get(f"/jobs/{job.id}").text
    assert "three" not in text_of(page)
    later = re.search(r'href="([^"]+)">Later lines', page)[1]
    assert "three" in text_of(client.get(later).text)


def test_the_theme_is_written_by_the_server(
    client_of: Callable[[User], FlaskClient], person: Callable[..., User]
) -> None:
    assert '<html lang="en" data-theme="dark">' in client_of(person("dark", theme="dark")).get("/jobs").text
    assert '<html lang="en">' in client_of(person("plain")).get("/jobs").text


def test_the_pages_are_the_same_on_every_database(
    database: str, client: FlaskClient, put: Put, attach: Attach, write_log: Callable[..., None]
) -> None:
    job = put(Status.RUNNING, progress=42.0)
    attach(job, "part.pdf")
    write_log(job, "a line")
    assert "part.pdf" in client.get(f"/jobs/{job.id}").text
    assert "Running now" in client.get("/jobs").text
    assert "a line" in client.get(f"/jobs/{job.id}/_log").text
