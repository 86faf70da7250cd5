"""Figures are exact while values are few, and within bounds when they are many."""

import random
import statistics
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.exhaustive import examples
from webapp.jobtypes.dataset_report.stats.distribution import RunningStats, quantiles
from webapp.jobtypes.dataset_report.stats.sketches import DistinctCount, Quantiles, TopValues
from webapp.jobtypes.dataset_report.stats.value_kinds import number_of, numbers_of

SHARES = (0.05, 0.25, 0.5, 0.75, 0.95)
numbers = st.floats(-1e9, 1e9, allow_nan=False).map(lambda number: round(number, 6))


def of_column(report_on, *values):
    return report_on("x,y\n" + "".join(f"{value},1\n" for value in values)).column("x")


@settings(max_examples=examples(40))
@given(st.lists(numbers, min_size=2, max_size=60))
def test_statistics_of_few_numbers_are_exact(report_on, values):
    column = of_column(report_on, *values)
    assert column["exact"]
    assert (column["min"], column["max"]) == (min(values), max(values))
    assert column["mean"] == pytest.approx(statistics.fmean(values), rel=1e-9, abs=1e-6)
    assert column["standard_deviation"] == pytest.approx(statistics.stdev(values), rel=1e-6, abs=1e-6)
    assert column["quantiles"]["p50"] == pytest.approx(statistics.median(values), rel=1e-9, abs=1e-6)
    assert column["distinct"] == len({repr(value) for value in values})


def test_statistics_of_many_numbers_stay_within_their_error_bounds(report_on):
    lot = random.Random(4)
    values = [round(lot.gauss(50, 12), 6) for _ in range(60_000)]
    column = of_column(report_on, *values)
    assert not column["exact"]
    assert (column["min"], column["max"], column["count"]) == (min(values), max(values), 60_000)
    assert column["mean"] == pytest.approx(statistics.fmean(values))
    assert column["standard_deviation"] == pytest.approx(statistics.stdev(values))
    assert column["distinct"] == pytest.approx(len(set(values)), rel=0.08)
    assert sum(column["histogram"]["counts"]) == 60_000
    ordered = sorted(values)
    for name, share in zip(("p05", "p25", "p50", "p75", "p95"), SHARES, strict=True):
        low, high = ordered[int((share - 0.005) * 60_000)], ordered[int((share + 0.005) * 60_000)]
        assert low <= column["quantiles"][name] <= high


@settings(max_examples=examples(50))
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=600), st.integers(2, 20))
def test_a_sketch_never_loses_weight_or_its_bound_on_ranks(values, buffer):
    sketch = Quantiles(buffer)
    for start in range(0, len(values), 7):
        sketch.add(values[start : start + 7])
    points = sketch.points()
    assert sum(weight for _, weight in points) == len(values)
    bound = len(values) * len(sketch._levels) / (2 * buffer)
    for number in values:
        rank = sum(weight for point, weight in points if point <= number)
        assert abs(rank - sum(value <= number for value in values)) <= bound


@given(st.lists(st.integers(-5, 5), min_size=1))
def test_quantiles_of_weighted_points_are_those_of_the_numbers(values):
    points = sorted((float(value), count) for value, count in Counter(values).items())
    assert quantiles(points, (0.0, 0.5, 1.0)) == (min(values), statistics.median(values), max(values))


@given(st.lists(st.sampled_from("abcdefghijklmnop"), max_size=400), st.integers(1, 4))
def test_frequent_values_are_never_lost_and_never_overcounted(values, candidates):
    top = TopValues(candidates)
    for start in range(0, len(values), 5):
        top.add(values[start : start + 5])
    found = dict(top.most_common(99))
    assert top.shortfall <= len(values) / (candidates + 1)
    for value, count in Counter(values).items():
        assert found.get(value, 0) <= count
        if count > 2 * top.shortfall:
            assert count - found[value] <= top.shortfall


def test_distinct_values_are_exact_at_first_and_then_estimated():
    distinct = DistinctCount(2_000)
    distinct.add(map(str, range(3_000)))
    assert (distinct.exact, distinct.estimate()) == (True, 3_000)
    distinct.add(map(str, range(200_000)))
    assert not distinct.exact
    assert distinct.estimate() == pytest.approx(200_000, rel=0.15)


@given(st.lists(st.one_of(st.text("0123456789.eE+-_nif ", min_size=1, max_size=8), numbers.map(repr)), min_size=1))
def test_a_batch_is_numbers_exactly_when_each_value_is_one(values):
    values = [value.strip() or "0" for value in values]
    one_by_one = [number_of(value) for value in values]
    together = numbers_of(values, "\n".join(values))
    if together is not None and None not in one_by_one:
        assert together == one_by_one
    assert together is None or None not in one_by_one


def test_deviation_of_far_away_numbers_does_not_cancel():
    spread = RunningStats()
    for batch in ([1e9 + 4, 1e9 + 7], [1e9 + 13, 1e9 + 16]):
        spread.add(batch)
    assert spread.deviation == pytest.approx(statistics.stdev([4, 7, 13, 16]))


def test_the_largest_floats_do_not_break_a_report(report_on):
    column = of_column(report_on, "1e308", "-1e308", "1.7e308", "5e-324")
    assert (column["min"], column["max"], column["standard_deviation"]) == (-1e308, 1.7e308, None)
    assert column["histogram"] is None
