from typing import Any

import pytest

from webapp.accounts.preferences import Preferences, save
from webapp.accounts.user import User
from webapp.accounts.validation import BadAccount
from webapp.services import Services


def test_a_new_user_has_the_default_preferences(services: Services, database: str) -> None:
    added = services.accounts.add("zoe", "four calm green rivers")
    assert (added.theme, added.language, added.timezone) == ("system", "", "")
    assert (added.live_updates, added.notify) == (True, "always")


def test_preferences_are_stored_per_user(services: Services, user: User, admin: User, database: str) -> None:
    chosen = Preferences(theme="dark", language="de", timezone="Europe/Madrid", live_updates=False, notify="never")
    save(services.engine, user.id, chosen)
    kept = services.accounts.get(user.id)
    assert (kept.theme, kept.language, kept.timezone) == ("dark", "de", "Europe/Madrid")
    assert (kept.live_updates, kept.notify) == (False, "never")
    assert services.accounts.get(admin.id) == admin


@pytest.mark.parametrize(
    "wrong", [{"theme": "pink"}, {"language": "xx"}, {"timezone": "Mars/Base"}, {"notify": ""}, {"theme": ""}]
)
def test_unknown_choices_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadAccount):
        Preferences(**wrong)
