import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.jobs.model.job import Status
from webapp.jobs.model.rollup import ChildCounts, roll_up

C, F, X = "completed", "failed", "cancelled"


@pytest.mark.parametrize(
    ("ended", "tolerant", "status"),
    [
        ({}, False, Status.COMPLETED),
        ({C: 3}, False, Status.COMPLETED),
        ({C: 2, F: 1}, False, Status.FAILED),
        ({C: 2, F: 1}, True, Status.COMPLETED),
        ({C: 1, F: 1, X: 1}, False, Status.CANCELLED),
        ({C: 1, F: 1, X: 1}, True, Status.CANCELLED),
    ],
)
def test_a_root_gets_its_status_from_its_children(ended: dict[str, int], tolerant: bool, status: Status) -> None:
    assert roll_up(ChildCounts(total=sum(ended.values()), **ended), tolerant=tolerant) is status


@given(st.integers(1, 50), st.integers(0, 50), st.integers(0, 50), st.integers(0, 50), st.booleans())
def test_a_root_does_not_end_while_a_child_is_active(
    active: int, completed: int, failed: int, cancelled: int, tolerant: bool
) -> None:
    total = active + completed + failed + cancelled
    counts = ChildCounts(total=total, completed=completed, failed=failed, cancelled=cancelled)
    assert roll_up(counts, tolerant=tolerant) is None
    assert counts.active == active


def test_progress_counts_completed_and_failed_children() -> None:
    assert ChildCounts(total=3, completed=1, failed=1, cancelled=1).progress == 66.67
    assert ChildCounts(total=3, completed=1, failed=2, stale=2).progress == 33.33
    assert ChildCounts(total=0).progress == 100.0
