"""Figures are exact while values are few, and within bounds when they are many."""

import random
import statistics

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.exhaustive import examples
from webapp.jobtypes.tables.engine import figures

SHARES = (0.05, 0.25, 0.5, 0.75, 0.95)
numbers = st.floats(-1e9, 1e9, allow_nan=False).map(lambda number: round(number, 6))


def of_column(report_on, *values):
    return report_on("x,y\n" + "".join(f"{value},1\n" for value in values)).column("x")


@settings(max_examples=examples(20), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(numbers, min_size=2, max_size=60))
def test_statistics_of_few_numbers_are_exact(report_on, values):
    column = of_column(report_on, *values)
    assert column["exact"]
    assert (column["min"], column["max"]) == (min(values), max(values))
    assert column["mean"] == pytest.approx(statistics.fmean(values), rel=1e-9, abs=1e-6)
    assert column["standard_deviation"] == pytest.approx(statistics.stdev(values), rel=1e-6, abs=1e-6)
    assert column["quantiles"]["p50"] == pytest.approx(statistics.median(values), rel=1e-9, abs=1e-6)
    assert column["distinct"] == len({repr(value) for value in values})


def test_statistics_of_many_numbers_stay_within_their_error_bounds(report_on, monkeypatch):
    monkeypatch.setattr(figures, "EXACT_ROWS", 1_000)
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


def test_the_largest_floats_do_not_break_a_report(report_on):
    column = of_column(report_on, "1e308", "-1e308", "1.7e308", "5e-324")
    assert (column["min"], column["max"], column["standard_deviation"]) == (-1e308, 1.7e308, None)
    assert column["histogram"] is None
