from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from webapp.jobs.model import value_rules
from webapp.jobs.model.value_rules import ID, IDS, MOMENT, NOTHING, TRUTH, ValueRule


class Angry:
    """An object that cannot be shown."""

    def __repr__(self) -> str:
        raise RuntimeError


FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("rule", "good", "bad"),
    [
        (value_rules.text(3), ["a", "abc", "ü"], ["", " ", "abcd", None, 7, b"a", "\0", "\ud800"]),
        (value_rules.integer(-1, 1), [-1, 0, 1], [2, True, 1.0, "1", None]),
        (value_rules.period(), [timedelta(1), timedelta.resolution], [timedelta(0), -timedelta(1), 1, timedelta.max]),
        (value_rules.period(zero=True), [timedelta(0)], [-timedelta.resolution, None]),
        (value_rules.one_of(["a", "b"]), ["a"], ["c", 1, None, []]),
        (NOTHING | TRUTH, [None, True, False], [0, 1, ""]),
        (ID, [uuid4()], ["4711", str(uuid4()), None]),
        (IDS, [[], {uuid4()}, (uuid4(),)], ["", None, uuid4(), ["x"]]),
        (MOMENT, [datetime.now(UTC)], [datetime(2026, 1, 1), "now", None, FIRST, LAST]),  # noqa: DTZ001  (naive on purpose)
    ],
)
def test_a_rule_accepts_good_values_and_names_bad_ones(rule: ValueRule, good: list, bad: list) -> None:
    assert [rule.objection("x", value) for value in good] == [""] * len(good)
    for value in bad:
        assert rule.objection("x", value) == f"x must be {rule.words}, not {value_rules.shown(value)}."


def test_the_first_objection_is_about_a_name_or_a_value() -> None:
    rules = {"title": value_rules.text(5), "priority": TRUTH}
    assert value_rules.first_objection({"title": "a", "priority": True}, rules) == ""
    assert value_rules.first_objection({"titel": "a"}, rules) == "There is no option 'titel'. Did you mean 'title'?"
    assert value_rules.first_objection({"x": 1}, rules) == "There is no option 'x'. The options are: priority, title."
    assert value_rules.first_objection({"priority": 1}, rules) == "priority must be True or False, not 1."


def test_values_are_shown_briefly_and_never_raise() -> None:
    assert value_rules.shown("x" * 500) == f"'{'x' * 58}…"
    assert value_rules.shown(Angry()) == "a Angry"
