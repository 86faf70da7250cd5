"""A check counts all violations of its rule and describes a few of them."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from webapp.jobs.invariants.check import EXAMPLES
from webapp.schema import jobs
from webapp.services import Services

Violations = Callable[..., dict[str, Any]]
pytestmark = [pytest.mark.usefixtures("database"), pytest.mark.partitions]


def test_an_example_names_the_columns_of_the_row(
    history: dict[str, UUID], violations: Violations, execute: Callable[..., None]
) -> None:
    execute("UPDATE jobs SET progress = 99 WHERE id = :good", good=history["good"])
    [(count, examples)] = violations().values()
    assert (count, examples) == (1, (f"job {history['good']}, type good, status completed, progress 99.0",))


def test_all_violations_are_counted_and_a_few_are_described(
    services: Services, violations: Violations, history: dict[str, UUID]
) -> None:
    for _ in range(20):
        services.jobs.create_job("nothing", after=[history["waiting"]])
    with services.engine.begin() as connection:
        connection.execute(jobs.update().where(jobs.c.status == "held").values(progress=101))
    count, examples = violations()["Progress is between 0 and 100, and 100 when a job is done."]
    assert (count, len(examples)) == (22, EXAMPLES)
