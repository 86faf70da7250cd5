import pytest
from flask import Flask

from webapp.jobs.schedules.cron_rule import CronRule
from webapp.views.schedules.preview import rule_text


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ("* * * * *", "Every minute"),
        ("*/15 * * * *", "Every 15 minutes"),
        ("5 * * * *", "Every hour at minute 05"),
        ("30 2 * * *", "Every day at 02:30"),
        ("0 9 * * 1-5", "Monday to Friday at 09:00"),
        ("0 9 * * mon-fri", "Monday to Friday at 09:00"),
        ("0 9 * * 7", "Every Sunday at 09:00"),
        ("0 9 * * 0,3", "Every Wednesday and Sunday at 09:00"),
        ("0 9 * * fri,MON", "Every Monday and Friday at 09:00"),
        ("0 6 1 * *", "On day 1 of every month at 06:00"),
        ("*/7 * * * *", "Every seventh minute"),
        ("0 0 L * *", "At 00:00 on the last day of every month"),
        ("0 2 29 2 *", "At 02:00 on February 29"),
    ],
)
def test_common_rules_are_shown_in_words(app: Flask, rule: str, text: str) -> None:
    with app.test_request_context():
        assert rule_text(CronRule.parse(rule, "UTC")).startswith(text)
