"""The geometry of a chart: bars beside their labels, or lines in a box of 1000 by 300. Pure.

Labels and values are texts of the page, so they stay readable at any width; the picture has shapes only.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil, floor, log10

from webapp.views.text.number_format import exact_number

WIDTH, HEIGHT = 1000, 300
_STEPS = (1, 2, 2.5, 5, 10)
_LINES = 4
Values = Sequence[float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartBar:
    """A bar from ``x``, ``width`` wide, in thousandths of the picture; ``text`` is its value."""

    x: float
    width: float
    text: str
    series: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleLine:
    """A line of the scale, and the number at it."""

    y: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultChart:
    """A chart: ``rows`` are the values per label as texts; ``paths`` has the lines of each series."""

    title: str
    kind: str
    unit: str
    names: tuple[str, ...]
    labels: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    bars: tuple[tuple[ChartBar, ...], ...] = ()
    paths: tuple[str, ...] = ()
    scale: tuple[ScaleLine, ...] = ()


def read_chart(content: bytes) -> ResultChart | None:
    """Return the chart that a handler has stored; None if it is none."""
    try:
        stored = json.loads(content)
        series = [[None if value is None else float(value) for value in each["values"]] for each in stored["series"]]
        names, labels = [str(each["name"]) for each in stored["series"]], list(map(str, stored["labels"]))
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    if not labels or any(len(values) != len(labels) for values in series):
        return None
    chart = ResultChart(
        title=str(stored.get("title", "")),
        kind="line" if stored.get("kind") == "line" else "bar",
        unit=str(stored.get("unit", "")),
        names=tuple(names),
        labels=tuple(labels),
        rows=tuple(tuple(_text(values[at]) for values in series) for at in range(len(labels))),
    )
    low, high = _bounds(series)
    return _with_lines(chart, series, low, high) if chart.kind == "line" else _with_bars(chart, series, low, high)


def _bounds(series: Sequence[Values]) -> tuple[float, float]:
    """Return the lowest and the highest value of the scale, which always has the zero."""
    values = [value for each in series for value in each if value is not None]
    low, high = min([0.0, *values]), max([0.0, *values])
    return (low, high) if high > low else (low, low + 1)


def _with_bars(chart: ResultChart, series: Sequence[Values], low: float, high: float) -> ResultChart:
    zero = (0 - low) / (high - low) * WIDTH

    def bar(value: float | None, number: int) -> ChartBar:
        length = abs(value or 0) / (high - low) * WIDTH
        x = zero if (value or 0) >= 0 else zero - length
        return ChartBar(x=round(x, 1), width=round(length, 1), text=_text(value), series=number)

    rows = zip(*series, strict=True)
    return replace(chart, bars=tuple(tuple(bar(value, at) for at, value in enumerate(row)) for row in rows))


def _with_lines(chart: ResultChart, series: Sequence[Values], low: float, high: float) -> ResultChart:
    step = _step((high - low) / _LINES)
    low, high = floor(low / step) * step, ceil(high / step) * step
    marks = [low + step * number for number in range(round((high - low) / step) + 1)]
    return replace(
        chart,
        paths=tuple(_path(values, low, high) for values in series),
        scale=tuple(ScaleLine(y=_y(mark, low, high), text=exact_number(round(mark, 10))) for mark in marks),
    )


def _step(least: float) -> float:
    power = 10 ** floor(log10(least))
    return float(next(step * power for step in _STEPS if step * power >= least * (1 - 1e-9)))


def _path(values: Values, low: float, high: float) -> str:
    """Return the path of a line, with a gap where a value is missing; a lone value is a short dash."""
    parts, pen_down, width = [], False, WIDTH / max(len(values) - 1, 1)
    for at, value in enumerate(values):
        if value is None:
            pen_down = False
            continue
        x = at * width if len(values) > 1 else WIDTH / 2
        parts.append(f"{'L' if pen_down else 'M'}{x:.1f} {_y(value, low, high):.1f}")
        alone = not pen_down and (at + 1 == len(values) or values[at + 1] is None)
        parts += ["h0.1"] if alone else []
        pen_down = True
    return "".join(parts)


def _y(value: float, low: float, high: float) -> float:
    return round(HEIGHT - (value - low) / (high - low) * HEIGHT, 1)


def _text(value: float | None) -> str:
    return "\u2013" if value is None else exact_number(value)
