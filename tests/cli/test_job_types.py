import json
from collections.abc import Callable

import pytest
from click.testing import Result

from webapp.services import Services

Run = Callable[..., Result]
pytestmark = pytest.mark.usefixtures("database")


def test_a_job_type_is_disabled_with_a_reason_and_enabled(run: Run, services: Services) -> None:
    answer = json.loads(run("type", "disable", "maintenance", "--reason", "moving", "--json").stdout)
    assert (answer[0]["name"], answer[0]["disabled"]["reason"]) == ("maintenance", "moving")
    refused = run("job", "start", "maintenance")
    assert refused.exit_code == 1
    assert "Job type 'maintenance' is disabled: moving" in refused.stderr
    assert "disabled: moving" in run("type", "list").stdout
    assert run("type", "enable", "maintenance").exit_code == 0
    assert run("job", "start", "maintenance").exit_code == 0


def test_an_unknown_job_type_is_one_sentence(run: Run) -> None:
    refused = run("type", "disable", "nothing")
    assert (refused.exit_code, "See `deskjob job types`." in refused.stderr) == (2, True)
    assert "DESKJOB_JOBTYPES" in refused.stderr
