import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from pydantic import SecretStr

from webapp.jobs.execution.process_snapshots import snapshot_taker
from webapp.jobs.execution.process_snapshots.snapshot_taker import SnapshotTaker, stack_text
from webapp.jobs.execution.process_snapshots.stack_channel import Frame, ThreadStack
from webapp.jobs.lifecycle import default_owner
from webapp.jobs.model.job import Job
from webapp.services import Services

HANDLER = Frame(file=__file__, line=1, function="handler")
CALLS = (
    Frame(file="/lib/rq/worker.py", line=1, function="work"),
    Frame(file=default_owner.__file__, line=1, function="call_handler"),
    Frame(file=default_owner.__file__, line=1, function="call"),
)


class Snapshots:
    """Remembers what a taker stores for a request of ``job``."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self.content: Any = None

    def attempt_of(self, _snapshot_id: object) -> tuple[object, int]:
        return self._job.id, self._job.attempt

    def fill_in(self, _snapshot_id: object, _worker: str, content: Any) -> None:
        self.content = content


class Channel:
    """Answers with one stack."""

    def __init__(self, *frames: Frame) -> None:
        self._frames = frames

    def ask(self, _pid: int, _patience: float) -> tuple[ThreadStack, ...]:
        return (ThreadStack(thread="MainThread", frames=self._frames),)


def taken(services: Services, requested: Job, running: Job | None, *frames: Frame) -> Any:
    snapshots = Snapshots(requested)
    taker = SnapshotTaker(snapshots, "w", services.vault)  # type: ignore[arg-type]
    taker.take(uuid4(), running, pid=os.getpid(), channel=Channel(*frames), patience=1)  # type: ignore[arg-type]
    return snapshots.content


def test_a_stack_begins_with_the_handler_and_has_the_lines_of_the_source() -> None:
    text = stack_text(ThreadStack(thread="MainThread", frames=(*CALLS, HANDLER)))
    assert text == f'  File "{__file__}", line 1, in handler\n    import os\n'


def test_a_stack_without_a_handler_is_whole() -> None:
    assert "rq/worker.py" in stack_text(ThreadStack(thread="output", frames=CALLS[:1]))


def test_a_snapshot_has_the_facts_of_the_process(services: Services, make: Callable[..., Job]) -> None:
    job = make()
    content = taken(services, job, job, *CALLS, HANDLER)
    assert content["pid"] == os.getpid()
    assert content["memory"] > 2**20
    assert [thread["name"] for thread in content["threads"]] == ["MainThread"]


def test_the_secrets_of_the_job_are_masked(services: Services, make: Callable[..., Job]) -> None:
    job = replace(make(), payload={"password": services.vault.encrypt(SecretStr("calm-rivers"))})
    (thread,) = taken(services, job, job, Frame(file="/data/calm-rivers/a.py", line=1, function="f"))["threads"]
    assert "calm-rivers" not in thread["stack"]
    assert "/data/**********/a.py" in thread["stack"]


@pytest.mark.parametrize("attempt", [1, 2])
def test_another_job_than_the_requested_one_is_not_looked_at(
    services: Services, make: Callable[..., Job], attempt: int
) -> None:
    job = make()
    assert taken(services, job, replace(job, attempt=job.attempt + attempt), HANDLER) == {}
    assert taken(services, job, None, HANDLER) == {}


def test_a_taker_never_raises(
    services: Services, make: Callable[..., Job], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_pid: int) -> None:
        raise RuntimeError

    monkeypatch.setattr(snapshot_taker, "process_facts", fail)
    job = make()
    assert taken(services, job, job, HANDLER) is None
    assert "could not be taken" in caplog.text
