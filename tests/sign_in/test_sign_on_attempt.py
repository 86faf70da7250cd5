import json

import pytest

from webapp.sign_in.sign_on_attempt import ATTEMPT_LASTS, SignOnAttempt

ATTEMPT = SignOnAttempt(state="s", nonce="n", code_verifier="v", started_at=1000.0, then="/jobs/new")


def test_an_attempt_survives_the_cookie() -> None:
    assert SignOnAttempt.of(json.loads(json.dumps(ATTEMPT.stored()))) == ATTEMPT


@pytest.mark.parametrize(("after", "over"), [(-1, True), (0, False), (ATTEMPT_LASTS, False), (ATTEMPT_LASTS + 1, True)])
def test_an_attempt_lasts_ten_minutes(after: float, over: bool) -> None:
    assert ATTEMPT.is_over(ATTEMPT.started_at + after) is over
