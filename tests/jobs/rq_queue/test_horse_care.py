from uuid import uuid4

import pytest
from sqlalchemy.exc import OperationalError

from webapp.jobs.rq_queue import horse_care
from webapp.jobs.rq_queue.horse_care import HorseCare


class Watchdog:
    """A watchdog whose database is away at first."""

    kill_reason = ""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.reasons: list[str] = []

    def settle(self, why: str, *_: int) -> None:
        if self.failures:
            self.failures -= 1
            raise OperationalError("", None, Exception("away"))
        self.reasons.append(why)


def test_the_end_is_settled_when_the_database_is_back_and_the_output_kept_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(horse_care.time, "sleep", lambda _seconds: None)
    kept: list[bytes] = []
    care = HorseCare(None, None, lambda _lease, output: kept.append(output) or True)
    watchdog = Watchdog(failures=2)
    care.settle(watchdog, None, uuid4(), b"last words")
    assert (watchdog.reasons, kept) == ([""], [b"last words"])


def test_output_that_belongs_to_no_job_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    care = HorseCare(None, None, lambda _lease, _output: False)
    care.settle(Watchdog(failures=0), None, uuid4(), b"last words\n")
    assert "The last output of a work-horse: last words" in caplog.text


def test_whoever_runs_one_job_waits_no_longer_than_its_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(horse_care.time, "sleep", lambda _seconds: None)
    watchdog = Watchdog(failures=10**9)
    with pytest.raises(OperationalError):
        HorseCare(None, None, lambda _lease, _output: True).settle(watchdog, None, uuid4(), b"", patience=0.01)
