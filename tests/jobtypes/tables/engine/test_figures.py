"""Figures are exact while values are few, and within bounds when they are many."""

import random
import statistics

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.exhaustive import examples
from webapp.jobtypes.tables.engine import figures
from webapp.jobtypes.tables.reading import canonical_table

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
    monkeypatch.setattr(canonical_table, "SAMPLE", 20_000)
    lot = random.Random(4)
    values = [round(lot.gauss(50, 12), 6) for _ in range(60_000)]
    column = of_column(report_on, *values)
    assert not column["exact"]
    assert (column["min"], column["max"], column["count"]) == (min(values), max(values), 60_000)
    assert column["mean"] == pytest.approx(statistics.fmean(values))
    assert column["standard_deviation"] == pytest.approx(statistics.stdev(values), rel=0.03)
    assert column["distinct"] == pytest.approx(len(set(values)), rel=0.08)
    assert sum(column["histogram"]["counts"]) == 60_000
    ordered = sorted(values)
    for name, share in zip(("p05", "p25", "p50", "p75", "p95"), SHARES, strict=True):
        low, high = ordered[int((share - 0.02) * 60_000)], ordered[int((share + 0.02) * 60_000)]
        assert low <= column["quantiles"][name] <= high


def test_the_largest_floats_do_not_break_a_report(report_on):
    column = of_column(report_on, "1e308", "-1e308", "1.7e308", "5e-324")
    assert (column["min"], column["max"], column["standard_deviation"]) == (-1e308, 1.7e308, None)
    assert column["histogram"] is None


@pytest.mark.exhaustive
def test_figures_by_a_sample_are_close_to_the_exact_ones(report_on, monkeypatch):
    lot = random.Random(8)
    rows = "".join(
        f"2024-{lot.randrange(1, 13):02}-{lot.randrange(1, 29):02};{int(lot.lognormvariate(6, 2))};"
        f"{lot.choice(['9,99', '9,99', '19,99', '1.250,00'])};{lot.choice(['yes', 'no'])};{lot.getrandbits(40):x}!\n"
        for _ in range(30_000)
    )
    exact = report_on(f"day;amount;price;paid;note\n{rows}")
    monkeypatch.setattr(figures, "EXACT_ROWS", 1_000)
    monkeypatch.setattr(canonical_table, "SAMPLE", 20_000)
    estimated = report_on(f"day;amount;price;paid;note\n{rows}")
    for one, other in zip(exact.profile["columns"], estimated.profile["columns"], strict=True):
        for name in ("type", "count", "missing", "min", "max", "zeros"):
            assert one.get(name) == other.get(name)
    assert estimated.column("paid")["top_values"] == exact.column("paid")["top_values"]
    assert estimated.column("price")["top_values"] == exact.column("price")["top_values"]
    for name in ("p05", "p25", "p95"):
        assert estimated.column("price")["quantiles"][name] == exact.column("price")["quantiles"][name]
    assert estimated.column("note")["top_values"] == []
    days = [job.column("day")["histogram"]["counts"] for job in (estimated, exact)]
    assert sum(days[0]) == sum(days[1])
    assert days[0] == pytest.approx(days[1], rel=0.1)
    assert sum(estimated.column("amount")["histogram"]["counts"]) == 30_000
    for name in ("p05", "p50", "p95"):
        close = exact.column("amount")["quantiles"][name]
        assert estimated.column("amount")["quantiles"][name] == pytest.approx(close, rel=0.1)


def test_duplicates_of_a_large_table_are_exact_in_several_lists(report_on, monkeypatch):
    lot = random.Random(5)
    rows = [f"{lot.randrange(2_000)},x" for _ in range(3_000)]
    monkeypatch.setattr(figures, "EXACT_ROWS", 1_000)
    monkeypatch.setattr(figures, "COMPARED_AT_ONCE", 500)
    monkeypatch.setattr(canonical_table, "SAMPLE", 2_000)
    profile = report_on("a,b\n" + "\n".join(rows) + "\n").profile
    assert (profile["duplicate_rows"], profile["duplicate_rows_exact"]) == (3_000 - len(set(rows)), True)


@pytest.mark.exhaustive
def test_duplicates_of_very_large_tables_are_estimated(report_on, monkeypatch):
    lot = random.Random(3)
    rows = [f"{lot.randrange(20_000)},x" for _ in range(30_000)]
    text = "a,b\n" + "\n".join(rows) + "\n"
    exact = report_on(text).profile
    assert (exact["duplicate_rows"], exact["duplicate_rows_exact"]) == (30_000 - len(set(rows)), True)
    monkeypatch.setattr(figures, "MOST_COMPARED", 8_000)
    monkeypatch.setattr(canonical_table, "SAMPLE", 20_000)
    for exact_rows in (1_000, 100_000):
        monkeypatch.setattr(figures, "EXACT_ROWS", exact_rows)
        estimated = report_on(text)
        assert not estimated.profile["duplicate_rows_exact"]
        assert estimated.profile["duplicate_rows"] == pytest.approx(exact["duplicate_rows"], rel=0.1)
        assert "rows repeat an earlier row" in estimated.profile["alerts"][0]["text"]
