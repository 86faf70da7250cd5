"""Rows of bars over time: one row per job type or queue, so that any number of them needs no colours."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from webapp.views.charts.time_bins import TimeBins

_GAP = 0.18  # of a slot
_LEAST = 3.0  # percent of the height: every count above zero is visible


@dataclass(frozen=True, slots=True)
class StackSegment:
    """A part of a bar with one tone; position and height in percent from the top."""

    tone: str
    y: float
    height: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StackedBar:
    """One bin; ``since`` and ``until`` bound the list of jobs that it links to."""

    x: float
    width: float
    segments: tuple[StackSegment, ...]
    description: str
    since: str
    until: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BarRow:
    """The bars of one row, without the empty ones."""

    bars: tuple[StackedBar, ...]


def bar_row(
    bins: TimeBins, values: Mapping[int, Sequence[tuple[str, float]]], peak: float, texts: Mapping[int, str]
) -> BarRow:
    """Return a bar per bin: ``values`` are its tones with their amounts, from the bottom; ``peak`` has full height."""
    stacks = {index: _segments(values[index], peak) for index in sorted(values)}
    return BarRow(bars=tuple(_bar(bins, index, stack, texts[index]) for index, stack in stacks.items()))


def _bar(bins: TimeBins, index: int, segments: tuple[StackSegment, ...], text: str) -> StackedBar:
    (since, until), slot = bins.bounds(index), 100 / len(bins)
    return StackedBar(
        x=round(slot * (index + _GAP / 2), 2),
        width=round(slot * (1 - _GAP), 2),
        segments=segments,
        description=f"{bins.label(index)}: {text}",
        since=since.isoformat(),
        until=until.isoformat(),
    )


def _segments(parts: Sequence[tuple[str, float]], peak: float) -> tuple[StackSegment, ...]:
    segments, top = [], 100.0
    for tone, amount in parts:
        if amount > 0:
            height = round(max(_LEAST, 100 * amount / peak), 2)
            top = max(top - height, 0.0)
            segments.append(StackSegment(tone, round(top, 2), height))
    return tuple(segments)
