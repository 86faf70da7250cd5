import html
import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from tests.jobs.statements import recorded
from webapp.accounts.user import User
from webapp.jobs.model.job import NO_QUEUE, Job, Owner, Status
from webapp.jobs.store.attachments import Attachment
from webapp.services import Services
from webapp.views.job_list.filter import Filter

POLL = {"HX-Request": "true", "X-Poll": "1"}
Put = Callable[..., Job]
Attach = Callable[..., Attachment]


def text_of(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page).replace("\N{NO-BREAK SPACE}", " ").split())


def test_the_home_page_is_the_list_for_users_with_jobs(client: FlaskClient, put: Put) -> None:
    assert client.get("/").location == "/jobs/new"
    put()
    assert client.get("/").location == "/jobs"


def test_an_empty_list_links_to_the_catalogue(client: FlaskClient) -> None:
    page = client.get("/jobs").text
    assert "No jobs yet" in page
    assert 'href="/jobs/new"' in page


def test_an_empty_tab_differs_from_an_empty_list(client: FlaskClient, put: Put) -> None:
    put(Status.COMPLETED)
    page = client.get("/jobs?tab=failed").text
    assert "No failed jobs" in page
    assert "No jobs yet" not in page
    assert "Show all jobs" in page


def test_the_list_shows_the_title_and_status_of_each_job(client: FlaskClient, put: Put, attach: Attach) -> None:
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


def test_jobs_of_one_type_show_their_input_files(client: FlaskClient, put: Put, attach: Attach) -> None:
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


def test_the_list_shows_who_started_each_job(client: FlaskClient, put: Put) -> None:
    put(Status.COMPLETED)
    page = client.get("/jobs").text
    assert ">You<" in page
    assert ">by you<" in page


def test_the_filter_offers_only_relevant_job_types(client: FlaskClient, admins: FlaskClient, put: Put) -> None:
    offered = '<option value="user_import">'
    assert offered not in client.get("/jobs").text
    assert offered in admins.get("/jobs").text
    put(Status.COMPLETED, type="user_import")
    assert offered in client.get("/jobs").text


def test_running_jobs_are_shown_as_cards_and_not_repeated_as_rows(client: FlaskClient, put: Put) -> None:
    job = put(Status.RUNNING, progress=23.0, done=46.0, total=200.0, message="46 of 200 customers")
    page = client.get("/jobs").text
    assert "Running now" in page
    assert '<progress class="bar" max="100" value="23.0" aria-label="Progress of Monthly report">' in page
    assert f'id="run-{job.id}"' in page
    assert f'id="job-{job.id}"' not in page


def test_an_unknown_total_is_an_indeterminate_bar(client: FlaskClient, put: Put) -> None:
    put(Status.RUNNING, done=1204.0, progress=61.6)
    assert '<progress class="bar" max="100" aria-label' in client.get("/jobs").text


def test_tabs_and_types_filter_the_list(client: FlaskClient, put: Put) -> None:
    failed, done = put(Status.FAILED), put(Status.COMPLETED, type="other")
    assert str(failed.id) in client.get("/jobs?tab=failed").text
    assert str(done.id) not in client.get("/jobs?tab=failed").text
    assert str(failed.id) not in client.get("/jobs?type=other").text


@pytest.mark.usefixtures("database")
def test_jobs_with_warnings_can_be_filtered(client: FlaskClient, put: Put) -> None:
    warned = put(Status.COMPLETED, warnings=({"text": "Two rows were left out.", "at": "2026-11-21T12:00:00+00:00"},))
    put(Status.COMPLETED)
    page = client.get("/jobs?warned=1&tab=done").text
    assert re.findall(r'id="job-([^"]+)" data-row', page) == [str(warned.id)]
    assert "Done with warnings" in page
    assert 'name="warned" value="1" checked' in page


def test_a_long_list_has_pages(client: FlaskClient, put: Put) -> None:
    oldest, *_ = [put(Status.COMPLETED) for _ in range(52)]
    first = client.get("/jobs").text
    older = re.search(r'rel="next" href="([^"]+)"', first)[1].replace("&amp;", "&")
    assert str(oldest.id) not in first
    second = client.get(older).text
    assert str(oldest.id) in second
    assert 'rel="next"' not in second


def test_a_large_count_is_capped(
    client: FlaskClient, put: Put, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.views.job_list.list_page.TAB_CEILING", 2)
    [put(Status.COMPLETED) for _ in range(2)]
    assert "2+" in client.get("/jobs").text


def test_waiting_jobs_without_a_worker_are_explained(client: FlaskClient, put: Put) -> None:
    put(Status.QUEUED, queue=NO_QUEUE, record_only=True)  # waits for no worker
    assert "no worker is running" not in client.get("/jobs").text
    put(Status.QUEUED)
    page = client.get("/jobs").text
    assert "Jobs are waiting, but no worker is running for them." in page
    assert "<code>default</code>" not in page


def test_operators_see_which_queue_has_no_worker(admins: FlaskClient, put: Put) -> None:
    put(Status.QUEUED, queue="reports")
    assert "<code>reports</code>" in admins.get("/jobs").text


def test_users_see_their_own_jobs_and_public_jobs(
    client_of: Callable[[User], FlaskClient], person: Callable[..., User], put: Put
) -> None:
    own, public = put(), put(owner=Owner(public=True), title="Nightly backup")
    page = client_of(person("bob")).get("/jobs").text
    assert str(own.id) not in page
    assert str(public.id) in page
    assert "System" in page


def test_operators_see_the_owner_of_each_job(admins: FlaskClient, put: Put) -> None:
    put()
    assert "Ana Ruiz" in admins.get("/jobs").text


def test_the_poll_interval_depends_on_activity(client: FlaskClient, put: Put) -> None:
    idle = re.search(r'hx-trigger="every (\d+)ms', client.get("/jobs?tab=all").text)
    put(Status.RUNNING)
    busy = re.search(r'hx-trigger="every (\d+)ms', client.get("/jobs?tab=all").text)
    assert int(idle[1]) >= 9000
    assert int(busy[1]) <= 2200


def asking_again(page: str) -> str:
    return html.unescape(re.search(r'hx-get="(/jobs/_live[^"]*)"', page)[1])


@pytest.mark.usefixtures("nothing_grows_old")
def test_a_poll_reads_its_user_and_the_state_of_its_page_and_nothing_else(
    client: FlaskClient, put: Put, services: Services
) -> None:
    job = put(Status.RUNNING, started_at=services.queries.jobs.now() - timedelta(hours=1))
    page = client.get("/jobs").text + client.get(f"/jobs/{job.id}").text
    for url, tag in re.findall(r'hx-get="(/jobs/[^"]*_live[^"]*)"[^>]* hx-ptag="(\w+)"', page):
        with recorded(client.application.extensions["deskjob"].engine) as sent:
            assert client.get(html.unescape(url), headers={**POLL, "HX-PTag": tag}).status_code == 304

        assert len(sent) == 2, sent


def test_a_poll_keeps_the_filter(client: FlaskClient) -> None:
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


def test_change_tags_differ_between_users(client: FlaskClient, admins: FlaskClient) -> None:
    assert client.get("/jobs/_live").headers["HX-PTag"] != admins.get("/jobs/_live").headers["HX-PTag"]


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


def test_a_poll_parses_its_filter_once(client: FlaskClient, put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    put(Status.RUNNING)
    parsed: list[Filter] = []
    parse = Filter.criteria
    monkeypatch.setattr(Filter, "criteria", lambda *given: (parsed.append(given[0]), parse(*given))[1])
    address = asking_again(client.get("/jobs").text)
    parsed.clear()
    assert client.get(address, headers=POLL).status_code == 200
    assert len(parsed) == 1


def test_names_that_stand_alone_are_translated_without_a_case_ending(client: FlaskClient, put: Put) -> None:
    put(Status.COMPLETED)
    page = client.get("/jobs", headers={"Accept-Language": "de"}).text
    assert '<span class="table__wide">Sie</span>' in page
    assert '<span class="table__narrow">von Ihnen</span>' in page
