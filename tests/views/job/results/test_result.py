"""The results on the page of a job."""

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from webapp.jobs.model import shown_results
from webapp.jobs.model.job import Job, Status
from webapp.jobs.model.shown_results import ShownFile
from webapp.jobs.store.attachments import Attachment
from webapp.views.job.results.result import RESULTS_SHOWN

Put = Callable[..., Job]
Attach = Callable[..., Attachment]


@pytest.fixture
def job(put: Put) -> Job:
    return put(Status.COMPLETED)


def test_what_a_handler_shows_comes_first_and_open(client: FlaskClient, job: Job, attach: Attach) -> None:
    attach(job, "notes.txt", b"some notes")
    shown: list[ShownFile] = [
        shown_results.link_file("Dashboard", "https://example.org/?a=1&b=2"),
        shown_results.markdown_file("Summary", "**Good**"),
        shown_results.chart_file("Orders", ["Mon"], [12.5]),
        shown_results.table_file("People", [["Ana", 3]], ["name", "n"]),
    ]
    for each in shown:
        attach(job, each.name, each.content.encode(), media_type=each.media_type)
    page = client.get(f"/jobs/{job.id}").text
    results = page[page.index('class="result-links"') : page.index('id="files"')]
    assert 'href="https://example.org/?a=1&amp;b=2" rel="noopener noreferrer"' in results
    titles = [part.partition("</h2>")[0] for part in results.split("<h2>")[1:]]
    assert titles == ["Summary", "Orders", "People", "notes.txt"]
    assert results.count("<details") - results.count(" open>") == 1
    for part in ("<strong>Good</strong>", "<span>12.5</span>", "<td>Ana</td>", "some notes"):
        assert part in results
    files = page[page.index('id="files"') :]
    assert "People.csv" in files
    assert "chart.json" not in page
    assert "link.json" not in page


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.json", b'{"b":[1]}', "{\n  &#34;b&#34;: [\n    1\n  ]\n}"),
        ("broken.json", b"{<b>", "{&lt;b&gt;"),
        ("a.txt", b"<script>\x1b[31m", "&lt;script&gt;</pre>"),
        ("a.png", b"png", "<img "),
        ("a.pdf", b"pdf", "<iframe "),
        ("a.html", b"<p>", " sandbox "),
        ("a.md", b"# Title", "<h3>Title</h3>"),
    ],
)
def test_an_output_file_is_shown_where_it_is(
    client: FlaskClient, job: Job, attach: Attach, name: str, content: bytes, expected: str
) -> None:
    attach(job, name, content)
    assert expected in client.get(f"/jobs/{job.id}").text


def test_a_file_that_is_not_what_its_type_says_is_left_out(client: FlaskClient, job: Job, attach: Attach) -> None:
    attach(job, "x", b"{}", media_type=shown_results.CHART_TYPE)
    attach(job, "y", b'{"text": "a", "address": "javascript:alert(1)"}', media_type=shown_results.LINK_TYPE)
    page = client.get(f"/jobs/{job.id}").text
    assert 'class="card result"' not in page
    assert "javascript:" not in page


def test_results_are_bounded_in_number_and_length(client: FlaskClient, job: Job, attach: Attach) -> None:
    for number in range(RESULTS_SHOWN + 3):
        attach(job, f"{number}.txt", b"x" * 30_000)
    page = client.get(f"/jobs/{job.id}").text
    assert page.count('class="card result"') == RESULTS_SHOWN
    assert page.count("Only the beginning is shown.") == RESULTS_SHOWN


def test_deleted_files_and_uploads_are_not_results(client: FlaskClient, job: Job, attach: Attach) -> None:
    attach(job, "old.txt", b"old", deleted_at=job.created_at)
    attach(job, "given.txt", b"given", role="input")
    assert 'class="card result"' not in client.get(f"/jobs/{job.id}").text


def test_the_result_of_a_running_job_is_in_its_poll(client: FlaskClient, put: Put, attach: Attach) -> None:
    job = put(Status.RUNNING)
    attach(job, "first.txt", b"so far")
    assert "so far" in client.get(f"/jobs/{job.id}/_live").text
