"""Every long-lived object of a process, built once from the settings and the engine."""

from datetime import timedelta
from functools import cached_property
from importlib import import_module
from importlib.metadata import entry_points
from types import ModuleType
from uuid import UUID

from sqlalchemy import Engine

from webapp import jobtypes
from webapp.accounts.accounts import Accounts
from webapp.accounts.sessions import Sessions
from webapp.config import Settings
from webapp.jobs.executor import Executor
from webapp.jobs.files import FileStore
from webapp.jobs.horse import Budget, WorkHorse
from webapp.jobs.housekeeping import Housekeeping
from webapp.jobs.job_type import JobType, Registry
from webapp.jobs.jobs import Jobs
from webapp.jobs.leases import Leases
from webapp.jobs.payloads import Vault
from webapp.jobs.rq_queue.wake_ups import WakeUps
from webapp.jobs.watch import Watch
from webapp.secret_key import secret_key

ENTRY_POINTS = "deskjob.jobtypes"


class Services:
    """What views, commands and workers work with."""

    def __init__(self, settings: Settings, engine: Engine) -> None:
        """Build everything; opens no connection yet."""
        self.settings = settings
        self.engine = engine
        self.secret_key = secret_key(settings)
        self.vault = Vault(self.secret_key)
        self.files = FileStore(settings.storage)
        self.registry = _registry(settings)
        self.wake_ups = WakeUps(settings.redis)
        self.jobs = Jobs(engine, registry=self.registry, vault=self.vault, wake=self.wake_ups.push)
        self.accounts = Accounts(engine)
        self.sessions = Sessions(
            engine,
            idle=timedelta(seconds=settings.session_idle_seconds),
            absolute=timedelta(seconds=settings.session_absolute_seconds),
        )
        self.leases = Leases(engine)
        self.housekeeping = Housekeeping(engine, self.files, timedelta(days=settings.retention_days))

    @cached_property
    def executor(self) -> Executor:
        """What runs attempts in a work-horse."""
        return Executor(
            self.engine,
            registry=self.registry,
            files=self.files,
            vault=self.vault,
            needs={type(need): need for need in self._needs()},
            owner_is_active=self._owner_is_active,
        )

    def queues(self) -> list[str]:
        """Return the queues of all job types, the default one first."""
        return list(dict.fromkeys(["default", *(job_type.queue for job_type in self.registry)]))

    def work_horse(self) -> WorkHorse:
        """Build what drains a queue in a forked child."""
        settings = self.settings
        budget = Budget(jobs=settings.horse_jobs, seconds=settings.horse_seconds, megabytes=settings.horse_megabytes)
        return WorkHorse(self.engine, self.executor, budget, self.wake_ups.push)

    def watch(self, lease_id: UUID) -> Watch:
        """Build the watch that a worker keeps over one work-horse."""
        return Watch(
            self.leases,
            lease_id,
            lease_seconds=self.settings.lease_seconds,
            stop_grace=timedelta(seconds=self.settings.stop_grace_seconds),
            timeout_of=self._timeout_of,
        )

    def _needs(self) -> tuple[object, ...]:
        """What handlers may ask for, each by its class."""
        return self.accounts, self.sessions, self.jobs, self.housekeeping, self.vault

    def _timeout_of(self, type_name: str) -> timedelta:
        return self.registry.get(type_name).timeout if type_name in self.registry else timedelta(0)

    def _owner_is_active(self, user_id: UUID) -> bool:
        user = self.accounts.get(user_id)
        return user is not None and user.active


def _registry(settings: Settings) -> Registry:
    registry = Registry()
    for module in (*jobtypes.MODULES, *settings.jobtypes):
        _add_all(registry, import_module(module))
    for entry in entry_points(group=ENTRY_POINTS):
        _add_all(registry, entry.load())
    return registry


def _add_all(registry: Registry, module: ModuleType) -> None:
    for value in vars(module).values():
        if isinstance(value, JobType) and value.handler.__module__.startswith(module.__name__):
            registry.add(value)
