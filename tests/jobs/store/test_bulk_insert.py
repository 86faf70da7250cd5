from collections.abc import Callable
from uuid import UUID, uuid4

import pytest
from pydantic import BaseModel
from sqlalchemy import func, select

from tests.jobs.statements import recorded
from webapp.db.engine import reading
from webapp.jobs.definition.job_type import InvalidPayload, job_type
from webapp.jobs.execution.context import JobContext
from webapp.jobs.model.job import Job, Owner, Status
from webapp.schema import events
from webapp.services import Services

pytestmark = [pytest.mark.usefixtures("database"), pytest.mark.partitions]


class Letter(BaseModel):
    text: str
    copies: list[int] = []


@pytest.fixture(autouse=True)
def letters(services: Services) -> None:
    def handler(job: JobContext, payload: Letter) -> None:
        pass

    services.registry.add(job_type("letter", title="Letter", priority=7, max_attempts=3)(handler))


def test_jobs_created_in_bulk_equal_jobs_created_one_by_one(services: Services, people: Callable[[], UUID]) -> None:
    owner, by = Owner(user_id=people()), uuid4()
    texts = ["plain", "", 'Zoë \u2028 \U0001f600 "quoted" \\ \' % :name\x01\x7f', '{"a": 1}']
    payloads = [{"text": text, "copies": [1, 2]} for text in texts]
    ids = services.jobs.create_many("letter", payloads, owner=owner, triggered_by=by)
    made = [services.jobs.get(job_id) for job_id in ids]
    single = services.jobs.create_job("letter", payloads[0], owner=owner, triggered_by=by)
    assert [job.payload for job in made] == payloads
    assert [job.fair for job in (*made, single)] == [0, 1, 2, 3, 4]
    assert comparable(made[0]) == comparable(single)


def test_each_job_has_its_event(services: Services) -> None:
    by = uuid4()
    [job_id, _] = services.jobs.create_many("letter", [{"text": "a"}, {"text": "b"}], triggered_by=by)
    [event] = services.queries.jobs.timeline(job_id)
    assert (event.name, event.attempt, event.actor_id, event.detail) == ("created", 0, by, "")


def test_one_invalid_payload_creates_no_job(services: Services) -> None:
    for bad in ({"text": 1}, {"text": "NUL \0"}, {"text": "half \ud800"}, {"text": "a", "what": 1}):
        with pytest.raises(InvalidPayload):
            services.jobs.create_many("letter", [{"text": "good"}, bad])
    assert services.queries.all_jobs.newest(1) == ()


def test_a_thousand_jobs_need_a_handful_of_statements(services: Services) -> None:
    with recorded(services.engine) as sent:
        services.jobs.create_many("letter", [{"text": "a"}] * 1000)
    assert len(sent) <= 5
    with reading(services.engine) as connection:
        assert connection.execute(select(func.count()).select_from(events)).scalar_one() == 1000


def test_similar_children_are_inserted_in_bulk_and_keep_their_names(
    services: Services, run: Callable[..., Job]
) -> None:
    ids: list[UUID] = []

    def handler(job: JobContext, payload: Letter) -> None:
        ids.extend(job.spawn("letter", {"text": str(number)}) for number in range(3))
        ids.append(job.spawn("letter", {"text": "named"}, name="one"))
        ids.append(job.spawn("letter", {"text": "named"}, name="two"))

    root = run(handler, {"text": "root"})
    children = services.queries.related.children(root.id)
    assert [child.id for child in children] == ids
    assert [child.payload["text"] for child in children] == ["0", "1", "2", "named", "named"]
    assert [child.child_name for child in children] == [None, None, None, "one", "two"]
    assert {child.status for child in children} == {Status.QUEUED}


def comparable(job: Job) -> dict[str, object]:
    own = {"id", "fair", "created_at"}
    return {name: value for name, value in job.to_dict().items() if name not in own}
