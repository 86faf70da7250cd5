import math

from benchmarks.chaos.pace import Pace
from tests.installation import wait_for


def test_the_slowdown_is_measured_while_it_is_entered() -> None:
    with Pace() as pace:
        wait_for(lambda: len(pace._samples) >= 3)
        assert 1.0 <= pace.slowdown(since=0.0) < math.inf
    assert pace._process.poll() is not None


def test_it_is_the_median_since_a_time_and_never_less_than_one() -> None:
    pace = Pace()
    assert pace.slowdown(since=0.0) == 1.0, "nothing is known yet"
    pace._samples = [(1.0, 9.0), (2.0, 0.9), (3.0, 3.0), (4.0, 5.0), (5.0, 4.0)]
    assert pace.slowdown(since=3.0) == 4.0
    assert pace.slowdown(since=2.0) == 3.5
    assert pace.slowdown(since=9.0) == 1.0
