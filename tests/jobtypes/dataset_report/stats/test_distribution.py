from math import inf
from statistics import mean, stdev

import pytest

from webapp.jobtypes.dataset_report.stats.distribution import Lengths, RunningStats, histogram, quantiles


def test_a_quantile_between_two_numbers_is_interpolated() -> None:
    assert quantiles([(1.0, 1), (2.0, 1), (4.0, 2)], [0.0, 0.5, 1.0]) == (1.0, 3.0, 4.0)


def test_a_few_whole_numbers_get_a_bar_each() -> None:
    bars = histogram([(1.0, 2), (3.0, 5)], whole=True)
    assert bars is not None
    assert (bars.low, bars.high, bars.counts) == (0.5, 3.5, (2, 0, 5))


def test_the_highest_number_belongs_to_the_last_bar() -> None:
    bars = histogram([(0.0, 1), (0.5, 1), (1.0, 1)], whole=False)
    assert bars is not None
    assert (len(bars.counts), sum(bars.counts), bars.counts[-1]) == (8, 3, 1)


@pytest.mark.parametrize("points", [[(2.0, 9)], [(-1.7e308, 1), (1.7e308, 1)]])
def test_equal_or_extreme_numbers_have_no_histogram(points: list[tuple[float, int]]) -> None:
    assert histogram(points, whole=False) is None


def test_batches_have_the_statistics_of_all_numbers() -> None:
    numbers = [1e9 + offset for offset in (4.0, 7.0, 13.0, 16.0)]
    stats = RunningStats()
    stats.add(numbers[:1])
    stats.add(numbers[1:])
    assert (stats.count, stats.low, stats.high) == (4, numbers[0], numbers[-1])
    assert (stats.mean, stats.deviation) == (mean(numbers), pytest.approx(stdev(numbers)))


def test_a_weighted_number_counts_several_times() -> None:
    stats = RunningStats()
    stats.add_weighted(3.0, 4)
    assert (stats.count, stats.mean, stats.deviation) == (4, 3.0, 0.0)


def test_one_number_has_no_deviation() -> None:
    stats = RunningStats()
    assert (stats.low, stats.high) == (inf, -inf)
    stats.add([3.0])
    assert stats.deviation is None


def test_lengths_of_batches_and_of_counted_values_add_up() -> None:
    lengths = Lengths()
    assert (lengths.mean, lengths.shortest) == (None, None)
    lengths.add([3, 5])
    lengths.add_counted([(1, 2)])
    assert (lengths.shortest, lengths.longest, lengths.mean) == (1, 5, 2.5)
