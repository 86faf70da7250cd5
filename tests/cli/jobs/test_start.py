import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from click.testing import Result
from pydantic import BaseModel

from webapp.accounts.user import User
from webapp.jobs.definition.field_specs import Upload
from webapp.jobs.definition.job_type import job_type
from webapp.jobs.model.job import Job, Status
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")
Run = Callable[..., Result]
Start = Callable[..., str]
QUICK = "job_history_export"


@pytest.fixture
def started(run: Run, services: Services) -> Callable[..., Job]:
    """Start a job by the command; return it."""

    def started(*words: object) -> Job:
        done = run("job", "start", *words)
        assert done.exit_code == 0, done.stderr
        return services.jobs.get(UUID(done.stdout.strip()))

    return started


def test_a_job_is_started_with_a_file_for_a_user(run: Run, services: Services, user: User, table: Path) -> None:
    done = run("job", "start", "dataset_report", "--file", f"file={table}", "--as", user.name, "--json")
    job = services.queries.all_jobs.newest(1)[0]
    assert json.loads(done.stdout)["id"] == str(job.id)
    assert (job.owner.user_id, job.triggered_by) == (user.id, user.id)
    assert [file.name for file in services.jobs.attachments(job.id)] == ["table.csv"]


class Clippings(BaseModel):
    pages: list[Upload]


class Letter(BaseModel):
    text: Upload
    copies: int = 1


class Mailing(BaseModel):
    letter: Letter
    enclosures: list[Upload] = []


def test_several_files_and_nested_models_are_given_by_their_paths(
    run: Run, started: Callable[..., Job], services: Services, table: Path
) -> None:
    @job_type("mailing", title="Mailing")
    def mailing(job: object, payload: Mailing) -> None:
        """Do nothing."""

    services.registry.add(mailing)
    text = ("--file", f"letter.text={table}")
    job = started(
        "mailing",
        *text,
        "--file",
        f"enclosures={table}",
        "--file",
        f"enclosures={table}",
        "--payload",
        '{"letter": {"copies": 2}}',
    )
    assert (job.payload["letter"]["text"]["name"], job.payload["letter"]["copies"]) == ("table.csv", 2)
    assert [upload["name"] for upload in job.payload["enclosures"]] == ["table.csv"] * 2
    assert run("job", "files", job.id).stdout.count("input") == 3
    for words, sentence in (
        ((*text, *text), "letter.text: Too many files: 2. Choose at most 1."),
        ((*text, "--payload", '{"letter": {"copies": "x"}}'), "letter.copies: Input should be a valid integer"),
        ((*text, "--payload", '{"letter": {"copy": 2}}'), "letter.copy: Unknown field. The fields are: text, copies."),
    ):
        refused = run("job", "start", "mailing", *words)
        assert (refused.exit_code, sentence in refused.stderr) == (2, True), refused.stderr


def test_a_job_without_an_owner_belongs_to_the_system_and_is_public(started: Callable[..., Job]) -> None:
    job = started(QUICK)
    assert (job.status, job.owner.user_id, job.public) == (Status.QUEUED, None, True)


def test_a_job_starts_after_a_delay(started: Callable[..., Job], services: Services) -> None:
    job = started(QUICK, "--delay", "1h30m")
    assert job.status is Status.SCHEDULED
    assert abs(job.run_at - services.queries.jobs.now() - timedelta(minutes=90)) < timedelta(minutes=10)


@pytest.mark.parametrize("written", ["2199-12-01T18:30", "2199-12-01T18:30Z", "2199-12-01T19:30+01:00"])
def test_a_start_time_without_an_offset_is_in_the_time_zone_of_the_installation(
    started: Callable[..., Job], written: str
) -> None:
    job = started(QUICK, "--at", written)
    assert (job.status, job.run_at) == (Status.SCHEDULED, datetime(2199, 12, 1, 18, 30, tzinfo=UTC))


def test_a_job_is_started_with_a_queue_and_a_priority(started: Callable[..., Job]) -> None:
    job = started(QUICK, "--queue", "default", "--priority", "7", "--unique", "k")
    assert (job.queue, job.priority, job.unique_key) == ("default", 7, "k")


def test_a_job_starts_after_others_have_completed(started: Callable[..., Job], start: Start) -> None:
    one, two = start(), start()
    assert started(QUICK, "--after", one, "--after", two[-8:]).status is Status.HELD


def test_a_second_job_with_an_unfinished_unique_key_is_refused(run: Run, start: Start, services: Services) -> None:
    start(unique_key="k")
    [holder] = services.queries.all_jobs.newest(9)
    refused = run("job", "start", QUICK, "--unique", "k")
    assert refused.exit_code == 1
    assert f"Wait for the end of job {holder.short_id}, or cancel it." in refused.stderr
    assert len(services.queries.all_jobs.newest(9)) == 1


def test_a_duplicate_can_return_the_unfinished_job_or_wait_for_it(run: Run, services: Services) -> None:
    first = run("job", "start", QUICK, "--unique", "nightly").stdout
    assert run("job", "start", QUICK, "--unique", "nightly", "--on-duplicate", "return").stdout == first
    second = run("job", "start", QUICK, "--unique", "nightly", "--on-duplicate", "queue_after").stdout
    assert services.jobs.get(UUID(second.strip())).status is Status.HELD


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("dataset_report",), "file:"),
        (("nothing_like_it",), "There is no job type 'nothing_like_it'"),
        (("nothing_like_it", "--as", "ana"), "There is no job type 'nothing_like_it'"),
        (("dataset_report", "--payload", "{"), "--payload is not valid JSON"),
        (("dataset_report", "--payload", "[1]"), "--payload must be a JSON object"),
        (("dataset_report", "--file", "file=/no/such/file"), "write FIELD=PATH"),
        (("dataset_report", "--as", "nobody"), "There is no active account named nobody"),
        (
            ("maintenance", "--as", "ana"),
            "ana does not have permission to start maintenance. Required role: admin or operator.",
        ),
        ((QUICK, "--delay", "soon"), "'soon' is not a period. Examples: 90s, 10m, 24h, 1d12h"),
        ((QUICK, "--delay", "-5m"), "'-5m' is not a period"),
        ((QUICK, "--delay", "999999d"), "'999999d' is not a period"),
        ((QUICK, "--at", "0001-01-01T00:00+14:00"), "is not a time"),
        ((QUICK, "--at", "tomorrow"), "'tomorrow' is not a time. Examples: 2026-12-01T18:30"),
        ((QUICK, "--at", "2199-12-01", "--delay", "1h"), "Give --delay or --at, not both"),
        ((QUICK, "--unique", ""), "unique_key must be None or a text of 1 to 200 characters"),
        ((QUICK, "--unique", "k" * 201), "unique_key must be None or a text of 1 to 200 characters"),
        ((QUICK, "--queue", "typo"), "There is no queue 'typo'. See `deskjob queue list`"),
        ((QUICK, "--priority", "-1"), "--priority"),
        ((QUICK, "--after", "0badcafe"), "There is no job 0badcafe"),
    ],
)
@pytest.mark.usefixtures("user")
def test_bad_usage_is_a_sentence_and_creates_no_job(
    run: Run, services: Services, words: tuple[str, ...], sentence: str
) -> None:
    refused = run("job", "start", *words)
    assert refused.exit_code == 2
    assert sentence in refused.stderr
    assert services.queries.all_jobs.newest(1) == ()


def test_files_over_the_size_limit_together_are_refused(run: Run, services: Services, table: Path) -> None:
    @job_type("clippings", title="Clippings")
    def clippings(job: object, payload: Clippings) -> None:
        """Do nothing."""

    services.registry.add(clippings)
    services.jobs.largest_file = table.stat().st_size + 1
    refused = run("job", "start", "clippings", "--file", f"pages={table}", "--file", f"pages={table}")
    assert refused.exit_code == 2
    assert "in total. Choose fewer." in refused.stderr


def test_a_file_over_the_size_limit_is_refused(run: Run, services: Services, table: Path) -> None:
    services.settings = services.settings.model_copy(update={"max_upload_bytes": 3})
    refused = run("job", "start", "dataset_report", "--file", f"file={table}")
    assert refused.exit_code == 2
    assert "larger than the allowed 3 bytes. DESKJOB_MAX_UPLOAD_BYTES sets the limit." in refused.stderr
