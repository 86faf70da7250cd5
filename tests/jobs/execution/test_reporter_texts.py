"""Every text of a handler is bounded and can be shown, whichever way it comes in; logging never raises."""

import logging
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Never

import pytest
from pydantic import BaseModel

from tests.jobs.conftest import Nothing
from webapp.jobs.definition.job_type import InvalidPayload, JobError
from webapp.jobs.definition.payload import PAYLOAD_LIMIT
from webapp.jobs.execution.context import JobContext
from webapp.jobs.model.incoming_text import MESSAGE_LIMIT, TEXT_LIMIT, TITLE_LIMIT, TRACEBACK_LIMIT
from webapp.jobs.model.job import BadRequest, Job, Status
from webapp.services import Services

Run = Callable[..., Job]
LONG = "\x1b[31m" + "x" * 2_000_000
HOSTILE = "\x1b[31m10 %\r20 %\x1b[0m\a"
SHOWN = "20 %\u2407"


class SilentError(Exception):
    def __str__(self) -> Never:
        raise RuntimeError


class Values(BaseModel):
    text: str = ""
    values: Any = None


def say_everywhere(job: JobContext, text: str) -> Never:
    job.message(text)
    job.warn(text, "a.key", name=text[:100])
    job.error(text)
    job.logger.warning(text)
    job.logger.info("%s", text)
    try:
        int(text)
    except ValueError as error:
        error.args = (text,)
        job.logger.exception("A problem")
        raise


def said(services: Services, job: Job) -> list[tuple[str, int]]:
    (attempt,) = services.queries.jobs.attempts(job.id)
    texts = [note["text"] for note in (*job.warnings, *job.errors)]
    texts += [line.text for line in services.queries.logs.log(job.id)]
    texts += [event.detail for event in services.queries.jobs.timeline(job.id)]
    texts += [str(attempt.error), str(job.warnings[0]["parameters"]["name"])]
    return [
        (job.message, MESSAGE_LIMIT),
        (str(attempt.traceback), TRACEBACK_LIMIT),
        *((each, TEXT_LIMIT) for each in texts),
    ]


def test_every_text_of_a_handler_is_cut_and_says_so(services: Services, run: Run, database: str) -> None:
    def handler(job: JobContext, payload: Nothing) -> None:
        say_everywhere(job, LONG)

    job = run(handler)
    assert job.status is Status.FAILED
    texts = said(services, job)
    assert len(texts) > 8
    for text, limit in texts:
        assert len(text) <= limit
        assert len(text) < 1000 or "… (cut, 2,0" in text
        assert "\x1b" not in text


def test_no_control_character_of_a_handler_reaches_a_page(services: Services, run: Run, database: str) -> None:
    def handler(job: JobContext, payload: Nothing) -> None:
        say_everywhere(job, HOSTILE)

    texts = [text for text, _ in said(services, run(handler))]
    assert [text for text in texts if any(c < " " and c != "\n" for c in text)] == []
    assert sum(SHOWN in text for text in texts) > 8


def test_a_job_error_is_bounded_too(services: Services, run: Run) -> None:
    def handler(job: JobContext, payload: Nothing) -> None:
        raise JobError(LONG, "a.key", name=HOSTILE)

    job = run(handler)
    assert len(job.errors[-1]["text"]) == TEXT_LIMIT
    assert job.errors[-1]["parameters"] == {"name": SHOWN}


def test_the_steps_of_a_job_are_bounded_too(services: Services, make: Callable[..., Job]) -> None:
    changed = services.jobs.change(make().id, lambda job: job.with_message(LONG).with_warnings([{"text": HOSTILE}]))
    assert len(changed.message) == MESSAGE_LIMIT
    assert changed.warnings[0]["text"] == SHOWN


def test_a_payload_that_is_too_large_is_refused_with_a_sentence(services: Services, run: Run) -> None:
    def handler(job: JobContext, payload: Values) -> None:
        with pytest.raises(InvalidPayload, match="at most 262144 bytes"):
            job.spawn("tested", {"values": ["x"] * PAYLOAD_LIMIT})

    job = run(handler, {"text": "x" * (PAYLOAD_LIMIT - 100)})
    assert job.status is Status.COMPLETED
    for choices in ({"text": "x" * PAYLOAD_LIMIT}, {"values": {"a": "é" * PAYLOAD_LIMIT}}):
        with pytest.raises(InvalidPayload, match=r"A payload can have at most 262144 bytes of JSON, not \d+\."):
            services.jobs.create_job("tested", choices)
    with pytest.raises(InvalidPayload, match="at most 262144 bytes"):
        services.jobs.create_many("tested", [{}, {"text": "x" * PAYLOAD_LIMIT}])


def test_a_payload_that_is_nested_too_deeply_is_refused(services: Services, run: Run) -> None:
    def handler(job: JobContext, payload: Values) -> None:
        """Do nothing."""

    run(handler)
    nested: Any = []
    for _ in range(100_000):
        nested = [nested]
    with pytest.raises(InvalidPayload):
        services.jobs.create_job("tested", {"values": nested})


def test_a_title_is_bounded_and_shown(services: Services, make: Callable[..., Job]) -> None:
    assert make(title=HOSTILE).title == SHOWN
    with pytest.raises(BadRequest, match=f"title must be a text of 1 to {TITLE_LIMIT} characters"):
        make(title="x" * 201)


@pytest.mark.parametrize(
    ("choices", "sentence"),
    [
        ({"request_key": "x" * 121}, "request_key must be None or a text of 1 to 120 characters, not 'xxx"),
        ({"request_key": ""}, "request_key must be None or a text of 1 to 120 characters, not ''."),
        ({"unique_key": "x" * 201}, "unique_key must be None or a text of 1 to 200 characters, not 'xxx"),
        ({"child_name": "x"}, "There is no option 'child_name'."),
    ],
)
def test_a_key_that_no_row_can_hold_is_refused(
    make: Callable[..., Job], choices: dict[str, str], sentence: str
) -> None:
    with pytest.raises(BadRequest) as refused:
        make(**choices)
    assert str(refused.value).startswith(sentence)


def test_a_child_name_of_a_handler_is_bounded(run: Run) -> None:
    def handler(job: JobContext, payload: Nothing) -> None:
        job.spawn("nothing", name="x" * 201)

    assert "name must be None or a text of 1 to 200 characters" in run(handler).errors[-1]["text"]


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        (None, "text/csv"),
        ("application/x-table; charset=utf-8", "application/x-table; charset=utf-8"),
        ("text/" + "x" * 2_000_000, "text/csv"),
        ("text/html\r\nSet-Cookie: a=b", "text/csv"),
        ("nonsense", "text/csv"),
    ],
)
def test_a_media_type_fits_into_a_header(services: Services, run: Run, given: str | None, stored: str) -> None:
    def handler(job: JobContext, payload: Nothing) -> None:
        job.attach("table.csv", b"a", given)

    (file,) = services.jobs.attachments(run(handler).id)
    assert file.media_type == stored


@pytest.mark.parametrize("amount", [float("nan"), float("inf"), 10**400, "many", None.__class__])
def test_an_amount_that_cannot_be_stored_fails_the_job_and_not_its_process(run: Run, amount: Any) -> None:
    def tracks(job: JobContext, payload: Nothing) -> None:
        list(job.track([1], total=amount))

    def reports(job: JobContext, payload: Nothing) -> None:
        job.progress(done=1, total=amount)

    assert (run(tracks).status, run(reports).status) == (Status.FAILED, Status.FAILED)


def test_an_amount_of_another_number_type_is_stored(run: Run, database: str) -> None:
    def handler(job: JobContext, payload: Nothing) -> None:
        job.progress(done=Decimal("1.5"), total=Decimal(3))

    job = run(handler)
    assert (job.status, job.done, job.total) == (Status.COMPLETED, 1.5, 3.0)


def test_a_last_report_that_the_database_refuses_fails_the_job_and_not_its_process(run: Run, database: str) -> None:
    def handler(job: JobContext, payload: Nothing) -> None:
        job._reporter.set_values(priority=object())

    job = run(handler)
    assert job.status is Status.FAILED
    assert "priority" in job.errors[-1]["text"] or "object" in job.errors[-1]["text"]


INFO = logging.INFO
LINES: dict[str, tuple[Any, ...]] = {
    "a wrong type": (INFO, "%d rows", "three"),
    "too many arguments": (INFO, "rows", 3),
    "too few arguments": (INFO, "%s and %s rows", 3),
    "a mapping without the key": (INFO, "%(count)s rows", {"rows": 3}),
    "an object without a text": (INFO, "rows %s", SilentError()),
    "a message without a text": (INFO, SilentError()),
    "a level by name": ("warning", "rows"),
    "no such level": (None, "rows"),
    "a level with a long name": (37, "rows"),
}
logging.addLevelName(37, "EXTRAORDINARILY IMPORTANT")


@pytest.mark.parametrize("options", [{}, {"extra": {"message": "taken"}}, {"exc_info": SilentError()}])
@pytest.mark.parametrize("name", LINES)
def test_logging_never_raises(services: Services, run: Run, name: str, options: dict[str, Any], database: str) -> None:
    def handler(job: JobContext, payload: Nothing) -> None:
        job.logger.log(*LINES[name], **options)

    job = run(handler)
    assert (job.status, job.errors) == (Status.COMPLETED, ())
    (line,) = services.queries.logs.log(job.id)
    assert "rows" in line.text or "cannot be shown" in line.text
