"""Log lines are read from the start, from the end, and by criteria."""

from collections.abc import Callable
from itertools import chain

import pytest
from sqlalchemy import insert

from webapp.db.engine import writing
from webapp.jobs.model.job import Job
from webapp.jobs.queries.log_lines import LogCriteria, LogLine
from webapp.schema import log_lines, now
from webapp.services import Services

pytestmark = [pytest.mark.usefixtures("database"), pytest.mark.partitions]


@pytest.fixture
def job(services: Services, make: Callable[..., Job]) -> Job:
    job, other = make(), make()
    lines = [("a", "INFO", 1), ("b", "WARNING", 1), ("c", "ERROR", 2), ("d", "DEBUG", 2), ("e", "CRITICAL", 2)]
    rows = [{"job_id": job.id, "text": text, "level": level, "attempt": attempt} for text, level, attempt in lines]
    with writing(services.engine) as connection:
        connection.execute(insert(log_lines).values(at=now()), [*rows, {**rows[0], "job_id": other.id}])
    return job


def texts(lines: tuple[LogLine, ...]) -> str:
    return "".join(line.text for line in lines)


def test_lines_are_read_forwards_and_backwards(services: Services, job: Job) -> None:
    logs = services.queries.logs
    assert texts(logs.log(job.id)) == "abcde"
    end = logs.last_lines(LogCriteria(job_id=job.id), 2)
    assert texts(end) == "de"
    assert texts(logs.last_lines(LogCriteria(job_id=job.id, before=end[0].id), 2)) == "bc"
    assert texts(logs.first_lines(LogCriteria(job_id=job.id, after=end[0].id), 2)) == "e"


def test_a_level_includes_more_severe_lines(services: Services, job: Job) -> None:
    assert texts(services.queries.logs.first_lines(LogCriteria(job_id=job.id, level="WARNING"))) == "bce"
    assert texts(services.queries.logs.first_lines(LogCriteria(job_id=job.id, level="ERROR", attempt=2))) == "ce"
    assert texts(services.queries.logs.first_lines(LogCriteria(job_id=job.id, attempt=1))) == "ab"


def test_a_whole_log_is_read_in_pages(services: Services, job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services.queries.logs.first_lines.__func__, "__defaults__", (2,))
    pages = list(services.queries.logs.all_lines(LogCriteria(job_id=job.id)))
    assert [len(page) for page in pages] == [2, 2, 1]
    assert texts(tuple(chain(*pages))) == "abcde"
