from collections import Counter
from random import Random

import pytest

from webapp.jobtypes.dataset_report.stats.sketches import DistinctCount, Quantiles, TopValues


def test_few_different_values_are_counted_exactly() -> None:
    count = DistinctCount(hashes=100)
    count.add(["a", "b", "a"])
    count.add(["b", "c"])
    assert (count.exact, count.estimate()) == (True, 3)


def test_many_different_values_are_estimated() -> None:
    count = DistinctCount(hashes=4_096)
    count.add(f"value {number}" for number in range(20_000))
    assert not count.exact
    assert count.estimate() == pytest.approx(20_000, rel=0.1)  # six standard errors


def test_counts_of_frequent_values_are_never_too_high_and_at_most_the_shortfall_too_low() -> None:
    values = ["often"] * 500 + ["sometimes"] * 50 + [f"once {number}" for number in range(400)]
    Random(7).shuffle(values)
    top = TopValues(candidates=20)
    for start in range(0, len(values), 50):
        top.add(values[start : start + 50])
    real, counts = Counter(values), dict(top.most_common(5))
    assert next(iter(counts)) == "often"
    assert top.shortfall > 0
    assert all(real[value] - top.shortfall <= count <= real[value] for value, count in counts.items())


def test_values_that_were_counted_before_keep_their_counts() -> None:
    top = TopValues(candidates=10)
    top.add_counted({"a": 3, "b": 1})
    top.add(["b"])
    assert top.most_common(2) == [("a", 3), ("b", 2)]


def test_without_a_buffer_every_number_is_kept() -> None:
    quantiles = Quantiles()
    quantiles.add([3.0, 1.0])
    quantiles.add_weighted(2.0, 5)
    assert quantiles.exact
    assert quantiles.points() == [(1.0, 1), (2.0, 1), (2.0, 4), (3.0, 1)]


def test_with_a_buffer_the_weights_still_sum_up_to_the_count() -> None:
    quantiles = Quantiles(buffer=64)
    for start in range(0, 10_000, 100):
        quantiles.add(float(number) for number in range(start, start + 100))
    points = quantiles.points()
    assert not quantiles.exact
    assert sum(weight for _, weight in points) == 10_000
    assert len(points) < 1_000
    assert sum(weight for number, weight in points if number < 5_000) == pytest.approx(5_000, abs=400)
