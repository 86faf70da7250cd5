from typing import Any

import pytest
from pydantic import BaseModel

from webapp.jobs.definition.job_type import JobType, job_type
from webapp.jobs.definition.registry import DuplicateJobType, Registry, TypeGroups, UnknownJobType
from webapp.jobs.model.approval import Approval


class Export(BaseModel):
    amount: int


def declared(name: str = "export", **rules: Any) -> JobType:
    @job_type(name, title="Export", **rules)
    def export(job: object, payload: Export) -> None: ...

    return export


def test_a_type_that_is_not_installed_any_more_is_called_by_its_name() -> None:
    registry = Registry()
    registry.add(declared())
    assert (registry.title_of("export"), registry.title_of("gone")) == ("Export", "gone")


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


def deferred(registry: Registry, job_type: JobType) -> list[str]:
    """Let a registry load a type when it is needed; return the list to which its name is added then."""
    loads: list[str] = []

    def load() -> None:
        loads.append(job_type.name)
        registry.add(job_type)

    registry.defer(job_type.name, job_type.queue, load)
    return loads


def test_a_deferred_type_is_loaded_once_when_somebody_asks_for_it() -> None:
    registry, export = Registry(), declared(queue="slow")
    loads = deferred(registry, export)
    assert "export" in registry
    assert registry.queues == ("slow",)
    assert loads == []
    assert [registry.get("export").handler for _ in range(2)] == [export.handler] * 2
    assert loads == ["export"]


def test_deferred_types_keep_their_place() -> None:
    registry = Registry()
    first, second = declared(), declared(name="import")
    loads = deferred(registry, first)
    registry.add(second)
    assert loads == []
    assert [each.name for each in registry] == ["export", "import"]
    assert loads == ["export"]


def test_a_deferred_type_can_be_replaced_but_not_doubled() -> None:
    registry = Registry()
    deferred(registry, declared())
    with pytest.raises(DuplicateJobType):
        registry.add(declared())
    replacing = Registry()
    deferred(replacing, declared())
    other = declared(replaces=True, queue="other")
    replacing.add(other)
    assert replacing.get("export").handler is other.handler
    assert replacing.queues == ("other",)


def test_the_types_with_hooks_include_deferred_ones() -> None:
    def on_failed(failed: Any, payload: Export) -> None: ...

    registry = Registry()
    deferred(registry, declared(on_failed=on_failed))
    assert registry.groups.with_hooks == {"export"}


def test_the_groups_of_types_are_those_of_the_types_that_are_registered_now() -> None:
    registry = Registry()
    assert registry.groups == TypeGroups.of([])
    registry.add(declared(private_output=True, approval=Approval(also_self=True)))
    assert registry.groups is registry.groups, "they are found once"
    assert (registry.groups.private, registry.groups.self_approvable) == ({"export"}, {"export"})
    assert [kind.name for kind in registry.groups.with_approval] == ["export"]
    registry.add(declared(replaces=True, listed=False, approval=Approval()))
    assert (registry.groups.private, registry.groups.self_approvable) == (frozenset(), frozenset())
    assert registry.groups.unlisted == {"export"}
    deferred(registry, declared(name="import", acts_as_owner=True, asks_password=True))
    assert (registry.groups.acting_as_owner, registry.groups.asking_for_password) == ({"import"}, {"import"})
