"""Whom a question asks."""

from typing import Any
from uuid import UUID

import pytest

from webapp.jobs.model.job import SYSTEM, Owner
from webapp.jobs.questions.question import Respondent, respondent, respondent_of

ANA = UUID(int=7)


@pytest.mark.parametrize(
    ("to", "owner", "key"),
    [
        (None, Owner(user_id=ANA), f"user:{ANA}"),
        (None, SYSTEM, "role:operator"),
        (ANA, SYSTEM, f"user:{ANA}"),
        ("admin", SYSTEM, "role:admin"),
        (Respondent(group="Finance: north"), SYSTEM, "group:Finance: north"),
    ],
)
def test_a_question_asks_the_owner_a_user_a_role_or_a_group(to: object, owner: Owner, key: str) -> None:
    found = respondent(to, owner)
    assert found.key == key
    assert respondent_of(key) == found


@pytest.mark.parametrize("values", [{}, {"role": "user", "group": "Finance"}, {"role": "boss"}, {"group": ""}])
def test_a_respondent_is_exactly_one(values: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"must be|exactly one"):
        Respondent(**values)
