import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.jobs.execution.batches import Slice, SliceLimit, plan_chunks, slices


@given(st.integers(0, 5000), st.integers(1, 700), st.integers(0, 5000))
def test_slices_cover_every_item_once(total: int, size: int, start: int) -> None:
    items = [item for part in slices(total, start=start, size=size) for item in range(part.start, part.stop)]
    assert items == list(range(start, total))


def test_a_slice_holds_at_least_one_item() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        next(slices(10, size=0))


@pytest.mark.parametrize(
    ("total", "count", "size"),
    [(0, 0, 0), (1, 1, 1), (400, 1, 400), (500, 2, 400), (2400, 6, 400), (2401, 6, 401), (18_000, 6, 3000),
     (18_001, 7, 3000)],
)  # fmt: skip
def test_the_chunk_size_depends_on_the_number_of_workers(total: int, count: int, size: int) -> None:
    chunks = plan_chunks(total, workers=6)
    assert len(chunks) == count
    assert max((chunk.stop - chunk.start for chunk in chunks), default=0) == size
    assert sum(chunk.stop - chunk.start for chunk in chunks) == total


def test_a_slice_ends_before_its_time_is_used_up() -> None:
    now = 0.0
    limit = SliceLimit(seconds=10, clock=lambda: now)
    ended = []
    for _ in range(9):
        now += 1
        ended.append(limit.item_done())
    assert ended.index(True) == 8  # 9 s used, and two more averages would be 11


def test_the_time_of_a_slice_includes_what_came_before_its_first_item() -> None:
    now = 7.0
    limit = SliceLimit(seconds=10, started=0.0, clock=lambda: now)
    now += 0.5
    assert not limit.item_done()  # 7.5 s used, and two more averages would be 8.5
    now += 1.2
    assert limit.item_done()  # 8.7 s used, and two more averages of 0.85 would be 10.4


def test_a_slice_ends_before_its_memory_is_used_up() -> None:
    used = 100
    limit = SliceLimit(memory=1000, used_memory=lambda: used)
    ended = []
    for _ in range(60):
        used += 20
        ended.append(limit.item_done())
    assert ended.index(True) == 30  # 720 used; fifteen more items of 20 would be 1,020


def test_a_slice_without_limits_never_ends_early() -> None:
    limit = SliceLimit()
    assert not any(limit.item_done() for _ in range(1000))


def test_a_slice_is_a_range() -> None:
    assert list(slices(5, size=2)) == [Slice(start=0, stop=2), Slice(start=2, stop=4), Slice(start=4, stop=5)]
