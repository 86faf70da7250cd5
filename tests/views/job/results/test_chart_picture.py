import pytest

from webapp.jobs.model.shown_results import chart_file
from webapp.views.job.results.chart_picture import ResultChart, read_chart


def chart(values: list[float | None], kind: str = "bar") -> ResultChart:
    labels = [str(number) for number in range(len(values))]
    found = read_chart(chart_file("Orders", labels, values, kind=kind).content.encode())
    assert found
    return found


def test_bars_begin_at_zero() -> None:
    bars = [row[0] for row in chart([5, 10, -10, None]).bars]
    assert [(bar.x, bar.width, bar.text) for bar in bars] == [
        (500, 250, "5"),
        (500, 500, "10"),
        (0, 500, "-10"),
        (500, 0, "\u2013"),
    ]


def test_a_line_is_interrupted_where_a_value_is_missing() -> None:
    assert chart([0, 10, None, 10], "line").paths == ("M0.0 300.0L333.3 0.0M1000.0 0.0h0.1",)


@pytest.mark.parametrize(
    ("values", "marks"),
    [
        ([0, 340], ["0", "100", "200", "300", "400"]),
        ([-1, 3], ["-1", "0", "1", "2", "3"]),
        ([0.02], ["0", "0.005", "0.01", "0.015", "0.02"]),
        ([0], ["0", "0.25", "0.5", "0.75", "1"]),
        ([7_000_000], ["0", "2,000,000", "4,000,000", "6,000,000", "8,000,000"]),
    ],
)
def test_the_scale_has_round_numbers(values: list[float | None], marks: list[str]) -> None:
    assert [line.text for line in chart(values, "line").scale] == marks


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"labels": ["a"], "series": [{"name": "b", "values": []}]}'])
def test_another_document_is_not_a_chart(content: bytes) -> None:
    assert read_chart(content) is None
