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
        ("0 9 * * 1-5", "Every day from Monday to Friday at 09:00"),
        ("0 9 * * mon-fri", "Every day from Monday to Friday at 09:00"),
        ("0 9 * * 7", "Every Sunday at 09:00"),
        ("0 9 * * 0,3", "Every Wednesday and Sunday at 09:00"),
        ("0 9 * * fri,MON", "Every Monday and Friday at 09:00"),
        ("0 6 1 * *", "On day 1 of the month at 06:00"),
        ("*/7 * * * *", "Every hour at minutes 00, 07, 14, 21, 28, 35, 42, 49 and 56"),
        ("0 0 L * *", "On the last day of the month at 00:00"),
        ("0 2 29 2 *", "On day 29 of the months that have it at 02:00, in February"),
    ],
)
def test_common_rules_are_shown_in_words(app: Flask, rule: str, text: str) -> None:
    with app.test_request_context():
        assert rule_text(CronRule.parse(rule, "UTC")) == text
