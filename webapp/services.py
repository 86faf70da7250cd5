"""The services of a process: every long-lived object, built once from the settings and the engine."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property, partial
from importlib import import_module
from importlib.metadata import entry_points
from os import getpid
from socket import gethostname
from typing import TypeVar
from uuid import UUID, uuid4

from sqlalchemy import Engine

from webapp import jobtypes
from webapp.accounts.accounts import Accounts, UserDirectory
from webapp.accounts.audit_log_writer import AuditLogWriter
from webapp.accounts.audit_query import AuditTrail
from webapp.accounts.idempotent_requests import IdempotentRequests
from webapp.accounts.sessions import Sessions
from webapp.accounts.tokens import Tokens
from webapp.accounts.user import Role
from webapp.config import Settings
from webapp.db.engine import read_only
from webapp.jobs.definition.disabled_types import DisabledTypes
from webapp.jobs.definition.job_type import JobType
from webapp.jobs.definition.module_loader import JobTypeModules
from webapp.jobs.definition.payload import Vault
from webapp.jobs.definition.registry import Registry
from webapp.jobs.definition.silence_limits import SilenceLimits
from webapp.jobs.execution.by_hand.dry_run import Debug, DryRun, DryRunFiles, Show
from webapp.jobs.execution.by_hand.dry_run_process import DryRunProcesses
from webapp.jobs.execution.by_hand.inline import InlineRun, refuse_record_only, refuse_worker_only
from webapp.jobs.execution.executor import Executor
from webapp.jobs.execution.failure_hooks import FailureHooks
from webapp.jobs.execution.leases import Holder, Leases, boot_id
from webapp.jobs.execution.output.last_output import LastOutput
from webapp.jobs.execution.watchdog import Watchdog
from webapp.jobs.execution.work_horse import AwaitWakeUp, Budget, WorkHorse
from webapp.jobs.invariants.check import Check
from webapp.jobs.invariants.infrastructure import WakeUpSources
from webapp.jobs.invariants.verifier import all_checks
from webapp.jobs.job_queries import JobQueries
from webapp.jobs.lifecycle.attributes import AdminJobs
from webapp.jobs.lifecycle.manual_start import ManualStart
from webapp.jobs.maintenance.pruner import Pruner
from webapp.jobs.metrics.service import Metrics
from webapp.jobs.model.job import Job
from webapp.jobs.monitoring.clock_heartbeat import time_since_heartbeat
from webapp.jobs.monitoring.snapshot import HealthCheck
from webapp.jobs.monitoring.workers import Workers
from webapp.jobs.queries.notifications import Notifications
from webapp.jobs.queueing.claim import Claims
from webapp.jobs.queueing.queues import Queues, UnknownQueue
from webapp.jobs.rq_queue.wake_ups import WakeUps
from webapp.jobs.rq_queue.worker_registry import registered_workers
from webapp.jobs.schedules.run_history import RunHistory
from webapp.jobs.schedules.runner import ScheduleRunner
from webapp.jobs.schedules.service import Schedules
from webapp.jobs.service import Jobs
from webapp.jobs.store.file_store import FileStore
from webapp.jobs.store.signals import listen_for_failures
from webapp.secret_key import secret_key
from webapp.user_policy import user_policy

ENTRY_POINTS = "deskjob.jobtypes"
INJECTABLES = (
    Accounts,
    AuditLogWriter,
    Sessions,
    IdempotentRequests,
    Jobs,
    JobQueries,
    Pruner,
    Vault,
    FailureHooks,
)  # what handlers can request
E = TypeVar("E", bound=Executor)


@dataclass(frozen=True)
class RemovedJobType:
    """The limits of a job whose type was removed: no time at all."""

    timeout: timedelta = timedelta(0)
    stop_grace: timedelta = timedelta(0)
    rerun_lost: bool = False
    stale_after: timedelta | None = None
    capture_output: bool = True


class Services:
    """What views, commands and workers work with."""

    def __init__(
        self, settings: Settings, engine: Engine, files: FileStore | None = None, registry: Registry | None = None
    ) -> None:
        """Build everything; opens no connection."""
        self.settings = settings
        self.engine = engine
        self.secret_key = secret_key(settings)
        self.vault = Vault(self.secret_key)
        self.files = files or FileStore(settings.storage)
        self.registry = registry or _registry(settings)
        self.wake_ups = WakeUps(settings.redis)
        self.jobs = Jobs(engine, registry=self.registry, vault=self.vault, files=self.files, wake=self.wake_ups.push)
        self.queries = JobQueries(engine)
        self.failure_hooks = FailureHooks(
            engine,
            registry=self.registry,
            vault=self.vault,
            services=self._injectables,
            create_job=self.jobs.create_job,
        )
        listen_for_failures(engine, self.failure_hooks)
        self.admin_jobs = AdminJobs(self.jobs.store, self.registry)
        self.notifications = Notifications(engine)
        self.accounts = Accounts(engine)
        self.audit = AuditLogWriter(engine)
        self.directory = UserDirectory(engine)
        self.audit_trail = AuditTrail(engine)
        self.sessions = Sessions(
            engine,
            idle=timedelta(seconds=settings.session_idle_seconds),
            absolute=timedelta(seconds=settings.session_absolute_seconds),
        )
        self.tokens = Tokens(engine)
        self.idempotent_requests = IdempotentRequests(engine)
        self.claims = Claims(engine, {job_type.name: job_type.limits for job_type in self.registry})
        self.disabled_types = DisabledTypes(engine)
        self.queues = Queues(engine, self._queue_names())
        self.schedules = Schedules(engine, registry=self.registry, vault=self.vault, queue_exists=self._queue_exists)
        self.run_history = RunHistory(engine)
        self.schedule_runner = ScheduleRunner(
            engine,
            registry=self.registry,
            vault=self.vault,
            store=self.jobs.store,
            wake=self.wake_ups.push,
            may_start=self._may_start,
        )
        self.workers = Workers(engine, lambda: registered_workers(self.wake_ups.connection), settings.lease_seconds)
        self.metrics = Metrics(engine)
        self.health_check = HealthCheck(
            engine,
            redis=self.wake_ups.connection,
            workers=self.workers.all,
            workers_in_database=self.workers.in_database,
            clock_silent_for=lambda: time_since_heartbeat(engine),
            folder=settings.storage,
            usual_duration=self.queries.estimates.usual_duration,
        )
        self.leases = Leases(engine, self.wake_ups.push, lambda name: self._type_or_removed(name).rerun_lost)
        self.last_output = LastOutput(self.leases, self.vault, lambda name: self._type_or_removed(name).capture_output)
        self.dry_run_processes = DryRunProcesses(settings, self.vault)
        self.pruner = Pruner(
            engine,
            self.files,
            timedelta(days=settings.retention_days),
            self.registry,
            keep_metrics=timedelta(days=settings.figures_days),
        )

    @cached_property
    def executor(self) -> Executor:
        """The executor, which runs attempts in a work-horse."""
        return self._build_executor(Executor)

    def _build_executor(self, executor_class: type[E]) -> E:
        return executor_class(
            self.engine,
            registry=self.registry,
            files=self.files,
            vault=self.vault,
            needs=self._injectables(),
            owner_is_active=self.claims.owner_is_active,
            creator=self.jobs,
            wake=self.wake_ups.push,
            memory=self.settings.horse_megabytes * 1024**2,
            retry_seconds=self.settings.lease_seconds,
        )

    def _queue_names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(["default", *(job_type.queue for job_type in self.registry)]))

    def _queue_exists(self, name: str) -> bool:
        try:
            return self.queues.get(name).name == name
        except UnknownQueue:
            return self.wake_ups.workers_alive(name) > 0

    def work_horse(self, await_wake_up: AwaitWakeUp | None = None, linger_seconds: float = 0.0) -> WorkHorse:
        """Build a work-horse, which runs jobs in a forked child; see there."""
        settings = self.settings
        budget = Budget(
            jobs=1 if settings.own_process else settings.horse_jobs,
            seconds=settings.horse_seconds,
            megabytes=settings.horse_megabytes,
        )
        retry_seconds = settings.lease_seconds  # after that its lease has ended
        return WorkHorse(
            self.claims,
            self.executor,
            budget,
            self.wake_ups.push,
            retry_seconds=retry_seconds,
            await_wake_up=await_wake_up,
            linger_seconds=linger_seconds,
        )

    def make_watchdog(self, lease_id: UUID) -> Watchdog:
        """Build the watchdog that a worker runs for one work-horse."""
        return Watchdog(
            self.leases,
            lease_id,
            lease_seconds=self.settings.lease_seconds,
            drain_grace=timedelta(seconds=self.settings.stop_grace_seconds),
            timeout_of=lambda name: self._type_or_removed(name).timeout,
            grace_of=lambda name: self._type_or_removed(name).stop_grace,
            stale_after_of=lambda name: self._type_or_removed(name).stale_after,
        )

    def run_inline(self, job_id: UUID, *, any_status: bool = False) -> Job:
        """Run one job in this process immediately; see `InlineRun.run`.

        It must be queued, unless ``any_status`` queues it first; see `ManualStart.make_claimable`.
        """
        inline_run = InlineRun(
            store=self.jobs.store,
            registry=self.registry,
            claims=self.claims,
            executor=self.executor,
            leases=self.leases,
            make_watchdog=self.make_watchdog,
        )
        name = f"inline {uuid4().hex[:8]}"
        holder = Holder(host=gethostname(), boot_id=boot_id(), worker=name, pid=getpid())
        manual_start = ManualStart(self.jobs.store, self.registry, self.files)
        return inline_run.run(job_id, holder, manual_start.make_claimable if any_status else None)

    def checks(self, *, deep: bool = False) -> Iterator[Check]:
        """Return the checks of this installation's invariants; ``deep`` reads every file."""
        return all_checks(
            read_only(self.engine),
            files=self.files,
            limits={job_type.name: job_type.limits for job_type in self.registry},
            lease_seconds=self.settings.lease_seconds,
            wake_up_sources=WakeUpSources(self.queues, self.claims, self.wake_ups),
            deep=deep,
        )

    def dry_run(self, job_id: UUID, show: Show, *, limit: timedelta | None = None, debug: Debug | None = None) -> bool:
        """Run a job's handler without effects, in any status; see `DryRun.dry_run`.

        Raises `JobNotFound`, `UnknownJobType`, `WorkerOnly` or `BadRequest`.
        """
        job = self.jobs.get(job_id)
        self.refuse_dry_run(job)
        engine = read_only(self.engine)
        read_only_services = Services(self.settings, engine, DryRunFiles(self.settings.storage), self.registry)
        try:
            return read_only_services._build_executor(DryRun).dry_run(
                job, self.queries.jobs.now(), show, limit=limit, debug=debug
            )
        finally:
            engine.dispose()

    def refuse_dry_run(self, job: Job) -> None:
        """Raise `UnknownJobType`, `WorkerOnly` or `BadRequest` if a job has no handler to call outside a worker."""
        self.registry.get(job.type)
        refuse_worker_only(self.registry, job.type)
        refuse_record_only(job)

    def _injectables(self) -> dict[type, object]:
        """Return the services that handlers can request by class."""
        services = (self.accounts, self.audit, self.sessions, self.jobs, self.queries, self.pruner, self.vault)
        further = (self.idempotent_requests, self.failure_hooks)
        return {type(service): service for service in (*services, *further)}

    def _type_or_removed(self, type_name: str) -> JobType | RemovedJobType:
        return self.registry.get(type_name) if type_name in self.registry else RemovedJobType()

    def _may_start(self, user_id: UUID, type_name: str) -> bool:
        """Return whether a user can start a type of job; what a missing owner has is refused where jobs run."""
        user = self.accounts.get(user_id)
        return user is None or user_policy(user, self.registry).may_start(type_name)


def _registry(settings: Settings) -> Registry:
    """Return the job types of all modules; raise `BadSettingError` with one sentence about a bad one."""
    default, by_name = settings.silence_limits
    registry = Registry(SilenceLimits(default=default, by_name=by_name))
    modules = JobTypeModules(registry, roles=[role.value for role in Role], services=INJECTABLES)
    for module in jobtypes.MODULES:
        modules.add("A module of Deskjob", module, partial(import_module, module))
    for module in settings.jobtypes:
        modules.add("DESKJOB_JOBTYPES", module, partial(import_module, module))
    for entry in entry_points(group=ENTRY_POINTS):
        modules.add(f"The entry point {ENTRY_POINTS}", entry.value, entry.load)
    return registry
