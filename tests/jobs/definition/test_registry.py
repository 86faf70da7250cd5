from typing import Any

import pytest
from pydantic import BaseModel

from webapp.jobs.definition.job_type import JobType, job_type
from webapp.jobs.definition.registry import DuplicateJobType, Registry, UnknownJobType


class Export(BaseModel):
    amount: int


def declared(**rules: Any) -> JobType:
    @job_type("export", title="Export", **rules)
    def export(job: object, payload: Export) -> None: ...

    return export


def test_two_types_cannot_have_the_same_name_unless_one_replaces_the_other() -> None:
    registry, first = Registry(), declared()
    registry.add(first)
    with pytest.raises(DuplicateJobType, match=r"Two job types are named 'export': .*declared.* and .*declared"):
        registry.add(declared())
    assert registry.get("export").handler is first.handler
    other = declared(replaces=True)
    registry.add(other)
    assert registry.get("export").handler is other.handler
    assert [each.handler for each in registry] == [other.handler]


def test_the_error_names_the_unknown_type() -> None:
    registry = Registry()
    assert "x" not in registry
    with pytest.raises(UnknownJobType, match="There is no job type 'x'"):
        registry.get("x")
