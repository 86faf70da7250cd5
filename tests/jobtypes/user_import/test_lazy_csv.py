import pytest

from webapp.jobs import JobCancelled
from webapp.jobs.testing import FakeJobContext
from webapp.jobtypes.user_import.lazy_csv import lazy_csv


def test_without_rows_there_is_no_file() -> None:
    job = FakeJobContext()
    with lazy_csv(job, "rejected.csv", ("line", "reason")):
        pass
    assert job.attachments == {}


def test_rows_follow_the_header_and_formulas_are_escaped() -> None:
    job = FakeJobContext()
    with lazy_csv(job, "rejected.csv", ("line", "reason")) as file:
        file.add(2, "=1+1")
        file.add(3, None)
    assert file.count == 2
    assert job.attachments == {"rejected.csv": b"line,reason\r\n2,'=1+1\r\n3,\r\n"}


@pytest.mark.parametrize(("error", "kept"), [(JobCancelled, ["rejected.csv"]), (RuntimeError, [])])
def test_a_stopped_job_keeps_the_file_and_a_failed_one_does_not(error: type[BaseException], kept: list[str]) -> None:
    job = FakeJobContext()
    with pytest.raises(error), lazy_csv(job, "rejected.csv", ("line",)) as file:
        file.add(2)
        raise error
    assert list(job.attachments) == kept
