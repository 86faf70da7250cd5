import logging
from collections.abc import Callable, Iterator

import pytest
from click.testing import CliRunner, Result

from tests.views.browsing import address  # noqa: F401  (a fixture)
from tests.views.conftest import attach, put, write_log  # noqa: F401  (fixtures)
from webapp.accounts.tokens import Scope
from webapp.accounts.user import User
from webapp.cli import context, deskjob
from webapp.services import Services


@pytest.fixture
def token(services: Services, admin: User) -> str:
    return services.tokens.add(admin, "laptop", list(Scope))[1]


@pytest.fixture
def far(address: str, token: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Result]]:  # noqa: F811
    """Run `deskjob --server …` with a token."""
    monkeypatch.setattr(logging.getLogger("werkzeug"), "level", logging.ERROR)  # it writes to standard error
    variables = {"DESKJOB_SERVER": address, "DESKJOB_TOKEN": token}

    def run(*words: object, **options: str) -> Result:
        return CliRunner(env=variables).invoke(deskjob, list(map(str, words)), prog_name="deskjob", **options)

    yield run
    context.use_own_installation()
