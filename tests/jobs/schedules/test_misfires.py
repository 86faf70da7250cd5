from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.jobs.schedules.cron_rule import CronRule
from webapp.jobs.schedules.misfires import MAX_CATCH_UP, TOO_LATE, FiringPlan, MisfirePolicy, plan_firing

TEXTS = ("* * * * *", "*/7 * * * *", "30 2 * * *", "0 * * * *", "15 1,2,3 * * *", "0 9 * * 1-5")
rules = st.builds(CronRule, st.sampled_from(TEXTS), st.sampled_from(["Europe/Madrid", "Australia/Lord_Howe", "UTC"]))
moments = st.integers(0, 330 * 24 * 3600).map(lambda seconds: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(0, seconds))
delays = st.integers(0, 3 * 24 * 3600).map(lambda seconds: timedelta(seconds=seconds))


def plan_late(
    rule: CronRule, moment: datetime, delay: timedelta, policy: MisfirePolicy
) -> tuple[list[datetime], FiringPlan, datetime]:
    """Plan the first time after a moment with a delay; also return all times up to then, and the current time."""
    fire_at = rule.after(moment)
    assert fire_at
    times = [fire_at, *rule.between(fire_at, fire_at + delay)]
    return times, plan_firing(rule, fire_at, fire_at + delay, policy), fire_at + delay


@given(rule=rules, moment=moments, delay=delays, policy=st.sampled_from(MisfirePolicy))
def test_a_plan_fires_the_latest_times_and_names_the_next_one(
    rule: CronRule, moment: datetime, delay: timedelta, policy: MisfirePolicy
) -> None:
    times, plan, now = plan_late(rule, moment, delay, policy)
    assert list(plan.due) == times[len(times) - len(plan.due) :]
    assert plan.next_at == rule.after(now)
    assert plan.oldest_skipped == (None if len(plan.due) == len(times) else times[0])


@given(rule=rules, moment=moments, delay=delays)
def test_skip_leaves_out_times_that_are_too_late(rule: CronRule, moment: datetime, delay: timedelta) -> None:
    times, plan, now = plan_late(rule, moment, delay, MisfirePolicy.SKIP)
    assert list(plan.due) == [time for time in times if now - time <= TOO_LATE]


@given(rule=rules, moment=moments, delay=delays)
def test_once_fires_only_the_latest_time(rule: CronRule, moment: datetime, delay: timedelta) -> None:
    times, plan, _ = plan_late(rule, moment, delay, MisfirePolicy.ONCE)
    assert plan.due == (times[-1],)


@given(rule=rules, moment=moments, delay=delays)
def test_all_fires_every_time_up_to_a_limit(rule: CronRule, moment: datetime, delay: timedelta) -> None:
    times, plan, _ = plan_late(rule, moment, delay, MisfirePolicy.ALL)
    assert list(plan.due) == times[-MAX_CATCH_UP:]


@given(
    rule=rules,
    moment=moments,
    delays=st.lists(st.integers(0, 90 * 60), max_size=8),
    policy=st.sampled_from(MisfirePolicy),
)
def test_no_time_fires_twice_and_all_leaves_none_out(
    rule: CronRule, moment: datetime, delays: list[int], policy: MisfirePolicy
) -> None:
    first = fire_at = rule.after(moment)
    assert first
    assert fire_at
    fired: list[datetime] = []
    for delay in delays:
        plan = plan_firing(rule, fire_at, fire_at + timedelta(seconds=delay), policy)
        fired += plan.due
        assert plan.next_at
        fire_at = plan.next_at
    assert fired == sorted(set(fired))
    if policy is MisfirePolicy.ALL:
        assert fired == [time for time in (first, *rule.between(first, fire_at)) if time < fire_at]


@pytest.mark.parametrize(
    ("policy", "count"), [(MisfirePolicy.SKIP, 6), (MisfirePolicy.ONCE, 1), (MisfirePolicy.ALL, 100)]
)
def test_a_year_of_missed_minutes_is_planned_quickly(policy: MisfirePolicy, count: int) -> None:
    now = datetime(2026, 5, 1, 12, tzinfo=UTC)
    assert len(plan_firing(CronRule("* * * * *", "UTC"), now - timedelta(days=365), now, policy).due) == count
