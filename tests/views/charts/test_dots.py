"""Runs as dots."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from flask import Flask

from webapp.views.charts.dots import Run, dot_plot
from webapp.views.charts.time_scale import TimeScale
from webapp.views.text.date_format import FormattedTime
from webapp.views.text.status_labels import StatusLabel

START = datetime(2026, 11, 28, tzinfo=UTC)


def test_a_dot_is_at_its_time_and_duration_and_one_that_never_ran_is_at_the_bottom(app: Flask) -> None:
    when = FormattedTime(text="12:00", iso="", title="")
    done = StatusLabel("Done", "done", "check")
    ran = Run(at=START + timedelta(hours=12), when=when, took=timedelta(seconds=9), look=done, job_id=uuid4())
    skipped = replace(ran, at=START, took=None, look=StatusLabel("Skipped", "attention", "hourglass"), job_id=None)
    with app.test_request_context():
        plot = dot_plot([ran, skipped], TimeScale.of(START, START + timedelta(days=1)), ())
    first, second = plot.dots
    assert (first.x, first.y, first.description) == (0, 100, "12:00, Skipped")
    assert second.x == 50
    assert 0 < second.y < 100
    assert second.description.replace("\N{NO-BREAK SPACE}", " ") == "12:00, Done, 9 s"
