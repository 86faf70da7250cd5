"""The form shows how a table would be read, and keeps the file for the job."""

import re
from io import BytesIO
from uuid import UUID

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from webapp.services import Services

TABLE = "Artikel;Preis;Tag\nSchraube;1.149,50;3/4/2026\nMutter;0,04;5/6/2026\n".encode("cp1252")


def post(client: FlaskClient, content: bytes | None, name: str = "prices.csv", **fields: str) -> TestResponse:
    file = {} if content is None else {"file": (BytesIO(content), name)}
    return client.post("/jobs/new/dataset_report", data={"has_header": "yes", **file, **fields})


def test_a_preview_shows_what_was_detected_and_starts_no_job(client: FlaskClient) -> None:
    answer = post(client, TABLE, **{"job.preview": "1"})
    assert answer.status_code == 200
    section = re.search(r'<section class="preview".*?</section>', answer.text, re.DOTALL)
    assert section
    shown = re.sub(r"<[^>]+>|\s+", " ", section[0])
    for words in (
        "semicolon",
        "Schraube",
        "1.149,50",
        "number",
        "Decimal mark",
        "comma",
        "It could also begin with the day",
    ):
        assert words in shown
    assert "file.kept" in answer.text


def test_a_choice_is_previewed_with_the_kept_file_and_started_with_it(client: FlaskClient) -> None:
    first = post(client, TABLE, **{"job.preview": "1"})
    kept = re.search(r'name="file\.kept" value="([^"]+)"', first.text)
    assert kept
    second = post(client, None, **{"file.kept": kept[1], "dates": "day_first", "job.preview": "1"})
    assert "It could also begin" not in second.text
    kept = re.search(r'name="file\.kept" value="([^"]+)"', second.text)
    assert kept
    started = post(client, None, **{"file.kept": kept[1], "dates": "day_first"})
    assert started.status_code == 303


def test_a_file_that_is_no_table_is_an_error_of_the_form(client: FlaskClient) -> None:
    answer = post(client, b"<!DOCTYPE html><title>Sign in</title>", **{"job.preview": "1"})
    assert answer.status_code == 422
    assert "a web page, such as the sign-in page of a website" in answer.text


def test_a_preview_without_a_file_asks_for_one(client: FlaskClient) -> None:
    assert post(client, None, **{"job.preview": "1"}).status_code == 422


def test_a_report_is_in_the_language_of_the_page_that_starts_it(client: FlaskClient, services: Services) -> None:
    german = {"Accept-Language": "de-AT,de;q=0.9"}
    for chosen, language in (("auto", "de"), ("en", "en")):
        data = {"has_header": "yes", "file": (BytesIO(TABLE), "prices.csv"), "language": chosen}
        answer = client.post("/jobs/new/dataset_report", data=data, headers=german)
        assert services.jobs.get(UUID(answer.location.rpartition("/")[2])).payload["language"] == language
