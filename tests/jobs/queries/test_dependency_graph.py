"""The dependency graph, as far as the viewer can see it."""

from collections.abc import Callable
from uuid import uuid4

import pytest

from webapp.jobs.model.job import Job, Owner
from webapp.jobs.queries import dependency_graph
from webapp.jobs.queries.visible_jobs import Viewer
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")
Make = Callable[..., Job]
ANA, BOB = Viewer(user_id=uuid4()), Viewer(user_id=uuid4())
ANAS = Owner(user_id=ANA.user_id)


def test_a_graph_has_all_steps_in_both_directions(services: Services, make: Make) -> None:
    first, second = make(ANAS), make(ANAS)
    middle = make(ANAS, after=[first.id, second.id])
    last = make(ANAS, after=[middle.id])
    make(ANAS, after=[first.id])  # neither waits for the middle nor does the middle wait for it
    graph = services.queries.graphs.around(ANA, middle.id)
    assert [job.id for job in graph.jobs] == [first.id, second.id, middle.id, last.id]
    assert set(graph.edges) == {(first.id, middle.id), (second.id, middle.id), (middle.id, last.id)}
    assert not graph.is_cut


def test_a_graph_ends_at_jobs_that_the_viewer_cannot_see(services: Services, make: Make) -> None:
    hidden = make(Owner(user_id=BOB.user_id), after=[make(ANAS).id])
    job = make(ANAS, after=[hidden.id])
    assert services.queries.graphs.around(ANA, job.id) == dependency_graph.NO_GRAPH


def test_a_large_graph_is_cut(services: Services, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dependency_graph, "MOST_NODES", 3)
    first = make(ANAS)
    for _ in range(4):
        make(ANAS, after=[first.id])
    graph = services.queries.graphs.around(ANA, first.id)
    assert len(graph.jobs) == 3
    assert graph.is_cut
