"""A logarithmic axis of durations."""

from datetime import timedelta

from flask import Flask

from webapp.views.charts.duration_scale import DurationScale


def seconds(*numbers: float) -> list[timedelta]:
    return [timedelta(seconds=number) for number in numbers]


def test_longer_is_higher_and_everything_is_within_the_picture() -> None:
    scale = DurationScale.of(seconds(1, 10, 100))
    places = [scale.position(period) for period in seconds(1, 10, 100)]
    assert 100 > places[0] > places[1] > places[2] > 0
    assert round(places[0] - places[1], 1) == round(places[1] - places[2], 1)


def test_equal_durations_and_none_have_a_scale(app: Flask) -> None:
    assert 0 < DurationScale.of(seconds(5, 5)).position(timedelta(seconds=5)) < 100
    assert DurationScale.of([]).position(timedelta()) == 100
    assert DurationScale.of(seconds(0)).position(timedelta()) == 100


def test_ticks_are_within_the_scale_longest_first(app: Flask) -> None:
    with app.test_request_context():
        ticks = DurationScale.of(seconds(2, 700)).ticks()
    assert [tick.label.replace("\N{NO-BREAK SPACE}", " ") for tick in ticks] == ["10 min", "1 min", "10 s"]
    assert [tick.at for tick in ticks] == sorted(tick.at for tick in ticks)
