from collections.abc import Callable
from uuid import UUID, uuid4

from pydantic import BaseModel, SecretStr

from webapp.jobs.definition.job_type import job_type
from webapp.jobs.execution.context import JobContext
from webapp.jobs.model.job import Job
from webapp.services import Services


class Key(BaseModel):
    key: SecretStr


def test_the_last_output_is_cleaned_and_added(services: Services, lease: UUID, database: str) -> None:
    @job_type("keys", title="Keys")
    def keys(job: JobContext, payload: Key) -> None:
        """Never run."""

    services.registry.add(keys)
    services.jobs.create_job("keys", {"key": "sesame-4711"})
    job = services.claims.claim("default", lease, fresh=True)
    assert services.last_output.add(lease, b"key sesame-4711\n\x1b[1mSegmentation fault")
    lines = services.queries.logs.log(job.id)
    assert [(line.level, line.text) for line in lines] == [
        ("OUTPUT", "key **********"),
        ("OUTPUT", "Segmentation fault"),
    ]
    assert lines[0].attempt == 1


def test_a_lease_without_a_job_takes_none(services: Services, lease: UUID) -> None:
    assert not services.last_output.add(lease, b"of nobody")
    assert not services.last_output.add(uuid4(), b"of nobody")


def test_a_type_without_capture_takes_none(services: Services, running: Callable[..., Job], lease: UUID) -> None:
    job = running()
    services.registry.add(
        job_type("nothing", title="Nothing", replaces=True, capture_output=False)(
            services.registry.get("nothing").handler
        )
    )
    assert not services.last_output.add(lease, b"kept elsewhere")
    assert services.queries.logs.log(job.id) == ()
