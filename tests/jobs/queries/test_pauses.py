import pytest

from webapp.db.engine import reading
from webapp.jobs.queries.pauses import PausedQueues, paused_queues
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")


def paused(services: Services) -> PausedQueues:
    with reading(services.engine) as connection:
        return paused_queues(connection)


def test_a_pause_holds_up_its_queue_and_a_pause_of_everything_each_queue(services: Services) -> None:
    assert "default" not in paused(services)
    services.queues.pause("default", reason="move")
    found = paused(services)
    assert (found.names, "default" in found, "night" in found, found.everything) == (("default",), True, False, None)
    services.global_pause.pause(reason="upgrade")
    found = paused(services)
    assert (found.names, "night" in found, found.everything and found.everything.reason) == (
        ("default",),
        True,
        "upgrade",
    )
