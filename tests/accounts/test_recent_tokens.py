import pytest
from sqlalchemy import event, update

from webapp.accounts import recent_tokens
from webapp.accounts.recent_tokens import SECONDS, RecentTokens
from webapp.accounts.tokens import Scope
from webapp.accounts.user import Role, User
from webapp.db.engine import writing
from webapp.schema import group_types, users
from webapp.services import Services


def test_a_program_that_sends_many_requests_makes_the_database_look_up_its_token_once(
    services: Services, token: str, look_ups: list[str]
) -> None:
    assert services.tokens.find(token) == services.tokens.find(token)
    assert len(look_ups) == 1


def test_an_unknown_token_is_looked_up_each_time(services: Services, token: str, look_ups: list[str]) -> None:
    for _ in range(2):
        assert services.tokens.find(token.swapcase().replace("DJ_", "dj_")) is None
    assert len(look_ups) == 2


@pytest.mark.parametrize("change", ["role", "disable", "revoke"])
def test_a_change_by_this_process_counts_at_once(services: Services, user: User, token: str, change: str) -> None:
    _, found = services.tokens.find(token)
    if change == "role":
        services.accounts.set_role(user.name, Role.AUDITOR)
        assert services.tokens.find(token)[0].role is Role.AUDITOR
    elif change == "disable":
        services.accounts.disable(user.name)
        assert services.tokens.find(token) is None
    else:
        services.tokens.revoke(found.id)
        assert services.tokens.find(token) is None


def test_a_type_that_becomes_one_of_a_group_is_closed_at_once(services: Services, user: User, token: str) -> None:
    assert services.tokens.find(token)[0].types_of_other_groups == ()
    group = services.user_groups.add("Accounting")
    with writing(services.engine) as connection:
        connection.execute(group_types.insert().values(group_id=group.id, type_name="nothing"))
    assert services.tokens.find(token)[0].types_of_other_groups == ("nothing",)


def test_what_is_read_while_a_change_is_not_committed_is_forgotten(services: Services, user: User, token: str) -> None:
    with writing(services.engine) as connection:
        connection.execute(update(users).where(users.c.id == user.id).values(active=False))
        assert services.tokens.find(token) is not None
    assert services.tokens.find(token) is None


def test_what_is_found_during_a_change_is_not_remembered() -> None:
    recent: RecentTokens[str] = RecentTokens()

    def look_up() -> str:
        recent.forget()
        return "before the change"

    assert recent.find(b"1", look_up) == "before the change"
    assert recent.find(b"1", lambda: "after it") == "after it"


def test_what_other_processes_change_counts_after_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(recent_tokens, "monotonic", lambda: now[0])
    recent: RecentTokens[str] = RecentTokens()
    assert recent.find(b"1", lambda: "old") == "old"
    now[0] += SECONDS / 2
    assert recent.find(b"1", lambda: "new") == "old"
    now[0] += SECONDS / 2
    assert recent.find(b"1", lambda: "new") == "new"


def test_the_tokens_of_attackers_fill_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recent_tokens, "_MOST", 3)
    recent: RecentTokens[str] = RecentTokens()
    for number in range(9):
        recent.find(bytes([number]), lambda: "known")
    assert len(recent._found) <= 3


def test_changes_of_jobs_are_none_of_accounts(services: Services, token: str, look_ups: list[str]) -> None:
    services.tokens.find(token)
    services.queues.pause("default")
    services.tokens.find(token)
    assert len(look_ups) == 1


@pytest.fixture
def token(services: Services, user: User) -> str:
    _token, text = services.tokens.add(user, "nightly", [Scope.READ])
    services.tokens.find(text)  # which stores its use
    recent_tokens._forget_all()
    return text


@pytest.fixture
def look_ups(services: Services, token: str) -> list[str]:
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if "token_hash" in statement:
            seen.append(statement)

    event.listen(services.engine, "before_cursor_execute", note)
    return seen
