import json
from collections.abc import Callable

import pytest
from click.testing import Result

from webapp.services import Services

Say = Callable[..., Result]
pytestmark = pytest.mark.usefixtures("database")


def test_a_job_type_is_disabled_with_a_reason_and_enabled(say: Say, services: Services) -> None:
    told = json.loads(say("type", "disable", "maintenance", "--reason", "moving", "--json").stdout)
    assert (told[0]["name"], told[0]["disabled"]["reason"]) == ("maintenance", "moving")
    refused = say("job", "start", "maintenance")
    assert refused.exit_code == 1
    assert "Job type 'maintenance' is disabled: moving" in refused.stderr
    assert "disabled: moving" in say("type", "list").stdout
    assert say("type", "enable", "maintenance").exit_code == 0
    assert say("job", "start", "maintenance").exit_code == 0


def test_an_unknown_job_type_is_one_sentence(say: Say) -> None:
    refused = say("type", "disable", "nothing")
    assert (refused.exit_code, "See `deskjob job types`." in refused.stderr) == (2, True)
