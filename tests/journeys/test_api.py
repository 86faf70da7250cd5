"""A program gets in: a token from the page, lines of curl from the page, the result of the job, and who hears of it."""

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page
from prometheus_client.parser import text_string_to_metric_families
from standardwebhooks import Webhook

from tests.browser import CALM
from tests.installation import wait_for
from tests.journeys.conftest import PASSWORD
from tests.receivers import LOOPBACK, Inbox, Receiver, mail_server_of, webhook_receiver

pytestmark = [
    pytest.mark.exhaustive,
    pytest.mark.browser,
    pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl"),
]
Run = Callable[[str], bytes]


@pytest.fixture(scope="module")
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with webhook_receiver() as kept:
        yield kept


@pytest.fixture(scope="module")
def own_settings(inbox: Inbox) -> Iterator[dict[str, str]]:
    with mail_server_of(inbox) as server:
        yield {"DESKJOB_SMTP_URL": f"smtp://{LOOPBACK}:{server.port}", "DESKJOB_NOTIFY_NETWORKS": LOOPBACK}


@pytest.fixture
def page(browser: Browser, deskjob: str) -> Iterator[Page]:
    context = browser.new_context(base_url=deskjob, **CALM)
    yield context.new_page()
    context.close()


def sign_in(page: Page) -> None:
    page.goto("/login")
    page.get_by_label("Name").fill("admin")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def make_token(page: Page) -> str:
    page.goto("/me/tokens")
    page.get_by_label("Name").fill("journey")
    page.get_by_label("metrics").check()
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Create token").click()
    return page.locator("code.secret").inner_text()


def add_rule(page: Page, path: str, channel: str, **fields: str) -> None:
    page.goto(path)
    page.get_by_label("Name of the rule").fill(channel)
    page.locator("#topic-finished").check()
    page.locator(f"input[name=channel][value={channel}]").check()
    for name, value in fields.items():
        page.locator(f"[name={name}]").fill(value)
    page.get_by_role("button", name="Add rule").click()


def line(page: Page, name: str) -> str:
    return page.locator(f"#{name}").text_content() or ""


def completed(run: Run, site: str) -> float:
    """Return how many attempts have completed, as `/metrics` says."""
    text = run(f'curl -H "Authorization: Bearer $DESKJOB_TOKEN" {site}/metrics').decode()
    samples = (sample for family in text_string_to_metric_families(text) for sample in family.samples)
    counted = {"type": "dataset_report", "outcome": "completed"}
    return sum(
        sample.value
        for sample in samples
        if sample.name == "deskjob_attempts_total" and counted.items() <= sample.labels.items()
    )


def test_a_program_starts_a_job_downloads_its_result_and_others_hear_of_it(
    deskjob: str, page: Page, inbox: Inbox, receiver: Receiver, tmp_path: Path
) -> None:
    sign_in(page)
    variables = {"DESKJOB_TOKEN": make_token(page), "PATH": "/usr/bin:/bin:/usr/local/bin"}

    def run(command: str) -> bytes:
        words = ["sh", "-ec", command.replace("curl ", "curl -sS --fail-with-body ", 1)]
        return subprocess.run(words, env=variables, cwd=tmp_path, check=True, capture_output=True).stdout

    add_rule(page, "/me/notifications/new", "webhook", address=receiver.url)
    signing_key = page.locator("code.secret").inner_text()
    add_rule(page, "/admin/notifications/new", "mail", recipients="team@example.org")
    before = completed(run, deskjob)
    (tmp_path / "table.csv").write_text("a,b\n1,2\n3,4\n")
    page.goto("/api")
    made = json.loads(run(line(page, "upload-create_job")))
    waiting = line(page, "curl-get_job").rpartition("/jobs/")[0] + f"/jobs/{made['id']}?wait=30"
    assert json.loads(run(waiting))["status"] == "completed"
    page.reload()  # its lines now have the newest job and its last file
    files = json.loads(run(line(page, "curl-list_files")))["items"]
    run(line(page, "curl-download_file"))
    result = next(file for file in files if (tmp_path / file["name"]).exists() and file["name"] != "table.csv")
    assert (tmp_path / result["name"]).stat().st_size == result["size"]

    headers, body = wait_for(lambda: receiver.requests)[0]
    assert Webhook(signing_key).verify(body, headers)["data"]["job_id"] == made["id"]
    mail = wait_for(lambda: inbox.mails)[0]
    assert (mail["To"], inbox.recipients) == ("team@example.org", [["team@example.org"]])
    assert made["title"] in mail["Subject"]
    assert wait_for(lambda: completed(run, deskjob) - before) == 1
