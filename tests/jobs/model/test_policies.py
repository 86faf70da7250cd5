from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.jobs.model.job import Job, Status
from webapp.jobs.model.policies import MAX_INTERRUPTIONS, Resources, Retention, RetryPolicy, too_many_interruptions

SECOND = timedelta(seconds=1)


def test_the_last_attempt_is_not_followed_by_another() -> None:
    policy = RetryPolicy(max_attempts=3)
    assert policy.allows(2, 3, ValueError())
    assert not policy.allows(3, 3, ValueError())


def test_only_the_named_errors_are_retried() -> None:
    policy = RetryPolicy(max_attempts=9, retry_on=(OSError,), fail_on=(FileNotFoundError,))
    assert policy.allows(1, 9, ConnectionError())
    assert not policy.allows(1, 9, ValueError())
    assert not policy.allows(1, 9, FileNotFoundError())


def test_can_retry_decides_last() -> None:
    policy = RetryPolicy(max_attempts=9, can_retry=lambda attempt, error: attempt < 2 and str(error) == "busy")
    assert policy.allows(1, 9, ValueError("busy"))
    assert not policy.allows(1, 9, ValueError("gone"))
    assert not policy.allows(2, 9, ValueError("busy"))


def test_the_listed_delays_are_used_in_order_and_the_last_one_repeats() -> None:
    policy = RetryPolicy(max_attempts=9, delays=(SECOND, 5 * SECOND), jitter=0)
    assert [policy.delay(attempt) for attempt in (1, 2, 3)] == [SECOND, 5 * SECOND, 5 * SECOND]


@given(st.integers(1, 10_000))
def test_the_delay_doubles_up_to_an_hour_and_varies_by_a_fifth(attempt: int) -> None:
    base = min(timedelta(hours=1), timedelta(seconds=15 * 2 ** min(attempt - 1, 20)))
    assert base * 0.8 <= RetryPolicy(max_attempts=9).delay(attempt) <= base * 1.2


@pytest.mark.parametrize("wrong", [{"max_attempts": 0}, {"delays": (-SECOND,)}, {"first_delay": -SECOND}])
def test_impossible_values_are_rejected(wrong: dict) -> None:
    with pytest.raises(ValueError, match=r"\."):
        RetryPolicy(**wrong)


def test_only_the_periods_that_are_set_override_the_default_retention() -> None:
    assert dict(Retention(failed=timedelta(days=3)).by_status()) == {Status.FAILED: timedelta(days=3)}
    assert dict(Retention().by_status()) == {}


def test_a_negative_retention_is_rejected() -> None:
    with pytest.raises(ValueError, match="stale must be None or a timedelta of zero or more"):
        Retention(stale=-SECOND)


@pytest.mark.parametrize(("interruptions", "too_many"), [(MAX_INTERRUPTIONS - 1, False), (MAX_INTERRUPTIONS, True)])
def test_interruptions_in_a_row_are_limited(interruptions: int, too_many: bool) -> None:
    job = Job(id=UUID(int=1), type="t", title="T", status=Status.RUNNING, interruptions=interruptions)
    assert too_many_interruptions(job) is too_many


@pytest.mark.parametrize("wrong", [{"memory": 0}, {"memory": 1.5}, {"cpu": 0}, {"cpu": True}, {"image": ""}])
def test_resources_that_no_process_can_get_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be"):
        Resources(**wrong)
    assert Resources(memory=512, cpu=0.5, image="crunch:2").memory == 512
