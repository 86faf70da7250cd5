"""The job types of an installation: those that ship, those that a setting names, and those of installed packages."""

from collections.abc import Collection
from functools import partial
from importlib import import_module
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from webapp import jobtypes
from webapp.config import Settings

if TYPE_CHECKING:
    from webapp.jobs.definition.registry import Registry

ENTRY_POINTS = "deskjob.jobtypes"


def load_job_types(settings: Settings, services: Collection[str]) -> "Registry":
    """Return the job types of all modules, those that ship deferred.

    ``services`` are what handlers can request, as ``module:Class``. Raises `BadSettingError` with one sentence about a
    bad module.
    """
    from webapp.accounts.user import Role
    from webapp.jobs.definition.module_loader import JobTypeModules
    from webapp.jobs.definition.registry import Registry
    from webapp.jobs.definition.silence_limits import SilenceLimits

    default, by_name = settings.silence_limits
    registry = Registry(SilenceLimits(default=default, by_name=by_name))
    modules = JobTypeModules(registry, roles=[role.value for role in Role], services=services)
    for module in jobtypes.MODULES:
        load = partial(modules.add, "A module of Deskjob", module, partial(import_module, module))
        registry.defer(module.rpartition(".")[2], jobtypes.QUEUES.get(module, "default"), load)
    for module in settings.job_type_modules:
        modules.add("DESKJOB_JOBTYPES", module, partial(import_module, module))
    for entry in entry_points(group=ENTRY_POINTS):
        modules.add(f"The entry point {ENTRY_POINTS}", entry.value, entry.load)
    return registry


def queues_of_shipped_types(settings: Settings) -> Collection[str] | None:
    """Return the queues of the job types without loading one; None if there are others than those that ship."""
    only_shipped = not settings.jobtypes and not entry_points(group=ENTRY_POINTS)
    return jobtypes.QUEUES.values() if only_shipped else None
