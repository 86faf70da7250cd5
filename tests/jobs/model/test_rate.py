from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from webapp.jobs.model.job import SYSTEM, Owner
from webapp.jobs.model.rate import BadRateKey, CountedBy, Rate

HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ((0, HOUR), "starts must be a whole number from 1 to 1000000, not 0."),
        ((-1, HOUR), "starts must be a whole number"),
        ((True, HOUR), "starts must be a whole number"),
        ((1, timedelta(0)), "period must be a timedelta of one second to 366 days, not"),
        ((1, -HOUR), "period must be a timedelta of one second"),
        ((1, 3600), "period must be a timedelta of one second"),
        ((1, timedelta(days=400)), "period must be a timedelta of one second"),
        ((1, HOUR, "customer"), "by must be one of 'type', 'owner' or a function of the payload, not 'customer'."),
    ],
)
def test_a_rate_that_is_none_is_refused_with_a_sentence(values: tuple[Any, ...], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence.replace(".", r"\.")):
        Rate(*values)


def test_the_key_says_what_is_counted() -> None:
    owner = Owner(user_id=UUID(int=1))
    assert Rate(1, HOUR).key_of("mail", owner, None) == "mail"
    assert Rate(1, HOUR, by="owner").key_of("mail", owner, None) == f"mail/{UUID(int=1)}"
    assert Rate(1, HOUR, by="owner").key_of("mail", SYSTEM, None) == "mail/system"
    assert Rate(1, HOUR, by=lambda payload: payload["customer"]).key_of("mail", owner, {"customer": 7}) == "mail/7"
    assert Rate(1, HOUR, by=lambda payload: payload.get("customer")).key_of("mail", owner, {}) is None


def test_long_keys_differ_and_fit_into_their_column() -> None:
    rate = Rate(1, HOUR, by=str)
    keys = {rate.key_of("m" * 80, SYSTEM, "x" * 500 + end) for end in "ab"}
    assert len(keys) == 2
    assert all(len(key or "") <= 240 for key in keys)


def test_other_values_are_no_keys() -> None:
    for value in (1.5, True, ["a"], b"a"):
        with pytest.raises(BadRateKey, match="must be a text, a whole number, a UUID or None"):
            Rate(1, HOUR, by=lambda payload, value=value: value).key_of("mail", SYSTEM, None)


def test_a_copy_has_the_key_of_its_own_owner_and_the_payload_of_the_other_one() -> None:
    assert Rate(1, HOUR).key_of_copy("mail", SYSTEM, None) == "mail"
    assert Rate(1, HOUR, by=str).key_of_copy("mail", SYSTEM, "mail/7") == "mail/7"


def test_a_slot_is_free_a_period_after_the_start_before_the_last_ones() -> None:
    rate = Rate(3, HOUR)
    assert rate.slot(10, 0) == (8, 1)
    assert rate.slot(10, 2) == (10, 1)
    assert rate.slot(10, 3) == (8, 2), "the fourth waits for the first of the three before it"
    assert rate.slot(10, 7) == (9, 3)
    assert rate.slot(0, 0) == (-2, 1), "no start, so nobody waits"


def test_counted_by() -> None:
    assert [Rate(1, HOUR, by).counted_by for by in ("type", "owner", str)] == list(CountedBy)
