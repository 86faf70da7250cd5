import pytest

from webapp.views.schedules.rule_choices import CRON, RuleChoices

RULES = {
    "5 * * * *": RuleChoices(every="hour", minute="5"),
    "0 2 * * *": RuleChoices(every="day", time="02:00"),
    "30 8 * * 1-5": RuleChoices(every="weekday", time="08:30"),
    "0 8 * * 0": RuleChoices(every="week", time="08:00", weekday="0"),
    "15 23 28 * *": RuleChoices(every="month", time="23:15", day="28"),
}


@pytest.mark.parametrize(("rule", "choices"), RULES.items())
def test_a_rule_and_its_choices_are_the_same(rule: str, choices: RuleChoices) -> None:
    assert RuleChoices.of(rule) == choices
    assert choices.rule() == rule


@pytest.mark.parametrize("rule", ["", "*/5 * * * *", "0 8 * * 1,3", "0 8 1 1 *", "H", "0 8 * * * *"])
def test_other_rules_are_typed(rule: str) -> None:
    assert RuleChoices.of(rule).every == CRON


def test_sunday_has_two_numbers_and_weekdays_two_spellings() -> None:
    assert RuleChoices.of("0 8 * * 7").weekday == "0"
    assert RuleChoices.of(" 0  8 * * MON-FRI ").every == "weekday"


@pytest.mark.parametrize("typed", [{"time": "25:00"}, {"time": "noon"}, {"day": "x", "every": "month"}])
def test_an_invalid_time_makes_a_rule_that_is_refused(typed: dict[str, str]) -> None:
    form = {f"schedule-{name}": value for name, value in {"every": "day", **typed}.items()}
    rule = RuleChoices.typed(form).rule()
    assert RuleChoices.of(rule).every == CRON
