"""The end of a job that many others follow; what an end causes is tested with the operations that end jobs."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.jobs.statements import recorded
from webapp.jobs.lifecycle import cascade
from webapp.jobs.model.job import Job, Status
from webapp.services import Services

Make = Callable[..., Job]
pytestmark = pytest.mark.usefixtures("database")


@pytest.mark.parametrize("on_finish", [True, False])
def test_many_dependents_cost_as_many_statements_as_a_few(
    make: Make, services: Services, monkeypatch: pytest.MonkeyPatch, on_finish: bool
) -> None:
    def statements(count: int) -> int:
        first = make()
        ids = [make(after=[first.id], on_finish=on_finish).id for _ in range(count)]
        with recorded(services.engine) as sent:
            services.jobs.cancel(first.id)
        expected = Status.QUEUED if on_finish else Status.CANCELLED
        assert {services.jobs.get(job_id).status for job_id in ids} == {expected}
        return len(sent)

    few = statements(2)
    assert statements(20) == few
    monkeypatch.setattr(cascade, "_AT_ONCE", 5)
    assert few < statements(20) <= few + 10


def test_one_end_does_to_each_dependent_what_its_own_row_says(make: Make, services: Services) -> None:
    first, other = make(), make()
    after, both = {"after": [first.id], "on_finish": True}, {"after": [first.id, other.id], "on_finish": True}
    now, later, twice = make(**after), make(**after, delay=timedelta(hours=1)), make(**both)
    holder = make(unique_key="k")
    keyed = [make(unique_key="k", on_duplicate="queue_after") for _ in range(2)]
    strict = make(after=[first.id])
    services.jobs.cancel_many([first.id, holder.id])
    found = {job.id: services.jobs.get(job.id).status for job in (now, later, twice, *keyed, strict)}
    assert found == {
        now.id: Status.QUEUED,
        later.id: Status.SCHEDULED,
        twice.id: Status.HELD,
        keyed[0].id: Status.QUEUED,
        keyed[1].id: Status.HELD,
        strict.id: Status.CANCELLED,
    }
    assert services.jobs.get(keyed[0].id).unique_key == "k"
    why = [event.detail for event in services.queries.jobs.timeline(strict.id) if event.name == "cancelled"]
    assert why == ["A job that this one depends on did not complete."]
    services.jobs.cancel(other.id)
    assert services.jobs.get(twice.id).status is Status.QUEUED
    assert Counter(event.name for event in services.queries.jobs.timeline(twice.id))["cancelled"] == 0
