"""The checkpoint of a bulk action, with a fake job context."""

from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from webapp.jobs.lifecycle.bulk_actions import SortedJobs
from webapp.jobs.model.job import Job, Status
from webapp.jobs.model.job_policy import Objection
from webapp.jobs.testing import FakeJobContext
from webapp.jobtypes.bulk_action import checkpoint
from webapp.jobtypes.bulk_action.checkpoint import BulkCheckpoint

LAST = UUID(int=7)


def batch(fit: int, unfit: int, reason: Objection = Objection.ENDED) -> SortedJobs:
    jobs = [Job(id=uuid7(), type="letter", title="=Letter", status=Status.FAILED) for _ in range(fit + unfit)]
    return SortedJobs(fit=tuple(jobs[:fit]), unfit=tuple((job, reason) for job in jobs[fit:]))


def test_the_last_file_the_warnings_and_the_message_come_at_the_end() -> None:
    job = FakeJobContext()
    handled = BulkCheckpoint.of(job)
    handled.add(batch(2, 1), LAST)
    handled.close()
    assert (job.messages, job.warnings) == (["2 done, 1 skipped"], ["1 skipped: Already ended."])
    rows = job.attachments["jobs.csv"].decode().splitlines()
    assert [row.split(",")[1:] for row in rows[1:]] == [
        *[["letter", "'=Letter", "done", ""]] * 2,
        ["letter", "'=Letter", "skipped", "Already ended."],
    ]
    assert job.checkpoints == []


def test_a_full_file_is_a_checkpoint_from_which_another_attempt_continues(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "LINES", 2)
    first = FakeJobContext()
    BulkCheckpoint.of(first).add(batch(1, 1), LAST)
    (saved,) = first.checkpoints
    assert (list(first.attachments), saved["last"]) == (["jobs-1.csv"], str(LAST))
    second = FakeJobContext(state=saved)
    handled = BulkCheckpoint.of(second)
    assert handled.handled == 2
    handled.add(batch(1, 0), LAST)
    handled.close()
    assert list(second.attachments) == ["jobs-2.csv"]
    assert second.messages == ["2 done, 1 skipped"]
