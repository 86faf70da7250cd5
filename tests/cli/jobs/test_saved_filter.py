"""`job list --filter NAME` lists the jobs of a shared filter."""

import json
from collections.abc import Callable

import pytest
from click.testing import Result

from webapp.accounts.user import User
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")


def test_a_shared_filter_is_used_by_its_name(
    run: Callable[..., Result], start: Callable[..., str], services: Services, person: Callable[..., User]
) -> None:
    wanted = start(title="Sales of May")
    start(title="Other")
    ana = person("ana")
    services.saved_filters.save(ana, "May", {"q": "may sales", "tab": "waiting"}, shared=True, of_all_users=False)
    services.saved_filters.save(ana, "Mine", {"tab": "waiting"}, shared=False, of_all_users=False)
    done = run("job", "list", "--json", "--filter", "May")
    assert done.exit_code == 0, done.stderr
    assert [job["id"] for job in json.loads(done.stdout)] == [wanted]
    private = run("job", "list", "--filter", "Mine")
    assert (private.exit_code, "There is no shared filter named Mine" in private.stderr) == (2, True)
    both = run("job", "list", "--filter", "May", "--status", "failed")
    assert (both.exit_code, "Use it alone" in both.stderr) == (2, True)
