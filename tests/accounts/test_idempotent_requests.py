from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from webapp.accounts.idempotent_requests import KeyReused, StillInProgress, StoredAnswer
from webapp.accounts.user import User
from webapp.schema import api_requests
from webapp.services import Services

ANSWER = StoredAnswer(status=202, headers={"Location": "/jobs/1"}, body='{"a": "ü"}')
ONE, OTHER = b"1" * 32, b"2" * 32


def let_pass(services: Services, period: timedelta) -> None:
    with services.engine.begin() as connection:
        connection.execute(update(api_requests).values(started_at=datetime.now(UTC) - period))


def test_a_key_has_three_answers(services: Services, user: User, database: str) -> None:
    requests = services.idempotent_requests
    assert requests.begin(user.id, "key", ONE) is None
    with pytest.raises(StillInProgress):
        requests.begin(user.id, "key", ONE)
    with pytest.raises(KeyReused):
        requests.begin(user.id, "key", OTHER)
    requests.complete(user.id, "key", ANSWER)
    assert requests.begin(user.id, "key", ONE) == ANSWER
    with pytest.raises(KeyReused):
        requests.begin(user.id, "key", OTHER)


def test_a_key_is_free_again_after_a_refusal_but_not_after_an_answer(
    services: Services, user: User, database: str
) -> None:
    requests = services.idempotent_requests
    requests.begin(user.id, "key", ONE)
    requests.release(user.id, "key")
    assert requests.begin(user.id, "key", OTHER) is None
    requests.complete(user.id, "key", ANSWER)
    requests.release(user.id, "key")
    assert requests.begin(user.id, "key", OTHER) == ANSWER


def test_a_request_that_a_crash_interrupted_can_be_sent_again(services: Services, user: User, database: str) -> None:
    requests = services.idempotent_requests
    requests.begin(user.id, "key", ONE)
    let_pass(services, timedelta(minutes=16))
    assert requests.begin(user.id, "key", ONE) is None


def test_keys_are_deleted_after_a_day(services: Services, user: User, database: str) -> None:
    requests = services.idempotent_requests
    requests.begin(user.id, "key", ONE)
    requests.complete(user.id, "key", ANSWER)
    assert requests.sweep() == 0
    let_pass(services, timedelta(hours=25))
    assert (requests.sweep(only_count=True), requests.sweep(), requests.sweep()) == (1, 1, 0)
