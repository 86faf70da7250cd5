import re
from collections.abc import Callable

import pytest
from click.testing import Result

from webapp.accounts.user import User
from webapp.services import Services

Run = Callable[..., Result]


@pytest.mark.exhaustive
def test_the_sample_users_can_sign_in_with_the_printed_password(run: Run, services: Services) -> None:
    done = run("demo", "--small")
    assert done.exit_code == 0, done.output
    password = re.search(r"Their password is (\S+)", done.output)[1]
    for name in ("admin", "ana", "dai", "eva"):
        assert f"{name} " in done.output
    assert services.accounts.authenticate("eva", password)


@pytest.mark.exhaustive
def test_sample_data_is_not_mixed_with_real_jobs(run: Run, services: Services, user: User) -> None:
    services.jobs.create_user_job("maintenance", None, user.id)
    done = run("demo", "--small")
    assert done.exit_code == 1
    assert "already has jobs of users" in done.output
    assert "--on-top" in done.output
    assert services.accounts.all() == (user,)
    assert run("demo", "--small", "--on-top").exit_code == 0
