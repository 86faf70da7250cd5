"""The services of a process: every long-lived object, built from the settings and the engine.

A service is imported and built when it is first used, so a command waits for nothing that it does not need. A process
that forks, has threads, or runs for long builds all of them at its start with `Services.build`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property, partial
from os import getpid
from socket import gethostname
from typing import TYPE_CHECKING, Self, TypeVar
from uuid import UUID, uuid4

from webapp.db.engine import read_only
from webapp.jobs.store.signals import listen_for_failures
from webapp.secret_key import secret_keys

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from redis import Redis
    from sqlalchemy import Engine

    from webapp.accounts.accounts import Accounts, UserDirectory
    from webapp.accounts.audit_log_writer import AuditLogWriter
    from webapp.accounts.audit_query import AuditTrail
    from webapp.accounts.bookmarks.form_presets import FormPresets
    from webapp.accounts.bookmarks.saved_filters import SavedFilters
    from webapp.accounts.groups.user_groups import UserGroups
    from webapp.accounts.idempotent_requests import IdempotentRequests
    from webapp.accounts.sessions import Sessions
    from webapp.accounts.tokens import Tokens
    from webapp.accounts.user import User
    from webapp.config import Settings
    from webapp.inbound.message_log import WebhookMessages
    from webapp.inbound.reception import Reception
    from webapp.inbound.webhooks import Webhooks
    from webapp.jobs.approvals.waiting_list import WaitingApprovals
    from webapp.jobs.budgets.service import Budgets
    from webapp.jobs.definition.disabled_types import DisabledTypes
    from webapp.jobs.definition.job_type import JobType
    from webapp.jobs.definition.payload import Vault
    from webapp.jobs.definition.registry import Registry
    from webapp.jobs.editing.job_editor import JobEditor
    from webapp.jobs.execution.by_hand.dry_run import Debug, Show
    from webapp.jobs.execution.by_hand.dry_run_process import DryRunProcesses
    from webapp.jobs.execution.executor import Executor
    from webapp.jobs.execution.failure_hooks import FailureHooks
    from webapp.jobs.execution.groups.begun_jobs import BegunJobs
    from webapp.jobs.execution.leases import Leases
    from webapp.jobs.execution.output.last_output import LastOutput
    from webapp.jobs.execution.process_snapshots.snapshot_store import ProcessSnapshots
    from webapp.jobs.execution.watchdog import Watchdog
    from webapp.jobs.execution.work_horse import AwaitWakeUp, WorkHorse
    from webapp.jobs.invariants.check import Check
    from webapp.jobs.job_queries import JobQueries
    from webapp.jobs.launching.launch_run import LaunchRun
    from webapp.jobs.launching.launches import Launches
    from webapp.jobs.lifecycle.attributes import AdminJobs
    from webapp.jobs.maintenance.key_rotation import KeyRotation
    from webapp.jobs.maintenance.pruner import Pruner
    from webapp.jobs.metrics.service import Metrics
    from webapp.jobs.model.job import Job, Owner
    from webapp.jobs.monitoring.figures import FigureReader
    from webapp.jobs.monitoring.snapshot import HealthCheck
    from webapp.jobs.monitoring.workers import Workers
    from webapp.jobs.queries.notifications import Notifications
    from webapp.jobs.questions.open_questions import OpenQuestions
    from webapp.jobs.questions.question_rows import JobQuestions
    from webapp.jobs.queueing.claim import Claims
    from webapp.jobs.queueing.global_pause import GlobalPause
    from webapp.jobs.queueing.queues import Queues
    from webapp.jobs.rq_queue.wake_ups import WakeUps
    from webapp.jobs.schedules.own_limits import OwnScheduleLimits
    from webapp.jobs.schedules.run_history import RunHistory
    from webapp.jobs.schedules.runner import ScheduleRunner
    from webapp.jobs.schedules.service import Schedules
    from webapp.jobs.service import Jobs
    from webapp.jobs.store.file_store import FileStore
    from webapp.notifications.delivery_log import DeliveryLog
    from webapp.notifications.messenger import Messenger
    from webapp.notifications.rule_form import RuleForm
    from webapp.notifications.rules import NotificationRules
    from webapp.notifications.watch import NotificationWatch
    from webapp.sign_in.second_factor import SecondFactors

INJECTABLES = (  # what handlers can request by class, by name: a command does not import all of them
    "webapp.accounts.accounts:Accounts",
    "webapp.accounts.audit_log_writer:AuditLogWriter",
    "webapp.accounts.sessions:Sessions",
    "webapp.jobs.service:Jobs",
    "webapp.jobs.job_queries:JobQueries",
    "webapp.jobs.maintenance.pruner:Pruner",
    "webapp.jobs.definition.payload:Vault",
    "webapp.accounts.idempotent_requests:IdempotentRequests",
    "webapp.jobs.execution.failure_hooks:FailureHooks",
    "webapp.notifications.delivery_log:DeliveryLog",
    "webapp.notifications.messenger:Messenger",
)
E = TypeVar("E", bound="Executor")


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
        """Build nothing yet, and open no connection."""
        self.settings = settings
        self.engine = engine
        self.secret_keys = secret_keys(settings)
        if files is not None:
            self.files = files
        if registry is not None:
            self.registry = registry
        self._failure_listener = _FailureListener(self)
        listen_for_failures(engine, self._failure_listener)

    @property
    def secret_key(self) -> str:
        """The current secret key."""
        return self.secret_keys[0]

    def build(self) -> Self:
        """Import and build everything now; raises `BadSettingError` for a bad module of job types."""
        for name, attribute in vars(Services).items():
            if isinstance(attribute, cached_property):
                getattr(self, name)
        self.registry.load_all()
        return self

    @cached_property
    def vault(self) -> Vault:
        """Encrypts the secrets of payloads."""
        from webapp.jobs.definition.payload import Vault

        return Vault(*self.secret_keys, reload=partial(secret_keys, self.settings))

    @cached_property
    def files(self) -> FileStore:
        """The stored files."""
        from webapp.jobs.files.configured_files import configured_files

        return configured_files(self.settings)

    @cached_property
    def registry(self) -> Registry:
        """The job types; raises `BadSettingError` with one sentence about a bad module."""
        from webapp.installed_job_types import load_job_types

        return load_job_types(self.settings, INJECTABLES)

    def _injectables(self) -> dict[type, object]:
        """Return the services that handlers can request by class."""
        services = (self.accounts, self.audit, self.sessions, self.jobs, self.queries, self.pruner, self.vault)
        further = (self.idempotent_requests, self.failure_hooks, self.messenger, self.delivery_log)
        return {type(service): service for service in (*services, *further)}

    # Users, and what they keep

    @cached_property
    def accounts(self) -> Accounts:
        """The accounts."""
        from webapp.accounts.accounts import Accounts

        return Accounts(self.engine)

    @cached_property
    def directory(self) -> UserDirectory:
        """Finds users for admins."""
        from webapp.accounts.accounts import UserDirectory

        return UserDirectory(self.engine)

    @cached_property
    def user_groups(self) -> UserGroups:
        """The groups of users."""
        from webapp.accounts.groups.user_groups import UserGroups

        return UserGroups(
            self.engine,
            lambda: [kind.name for kind in self.registry if kind.listed],
            unshare=self.admin_jobs.unshare_all,
        )

    @cached_property
    def sessions(self) -> Sessions:
        """The signed-in browsers."""
        from webapp.accounts.sessions import Sessions

        return Sessions(
            self.engine,
            idle=timedelta(seconds=self.settings.session_idle_seconds),
            absolute=timedelta(seconds=self.settings.session_absolute_seconds),
        )

    @cached_property
    def second_factors(self) -> SecondFactors:
        """The second factors of users."""
        from webapp.sign_in.second_factor import SecondFactors

        return SecondFactors(self.engine, self.vault)

    @cached_property
    def tokens(self) -> Tokens:
        """The API tokens."""
        from webapp.accounts.tokens import Tokens

        return Tokens(self.engine)

    @cached_property
    def idempotent_requests(self) -> IdempotentRequests:
        """The answers of requests with an idempotency key."""
        from webapp.accounts.idempotent_requests import IdempotentRequests

        return IdempotentRequests(self.engine)

    @cached_property
    def audit(self) -> AuditLogWriter:
        """Writes the audit log."""
        from webapp.accounts.audit_log_writer import AuditLogWriter

        return AuditLogWriter(self.engine)

    @cached_property
    def audit_trail(self) -> AuditTrail:
        """Reads the audit log."""
        from webapp.accounts.audit_query import AuditTrail

        return AuditTrail(self.engine)

    @cached_property
    def saved_filters(self) -> SavedFilters:
        """The filters that users saved."""
        from webapp.accounts.bookmarks.saved_filters import SavedFilters

        return SavedFilters(self.engine)

    @cached_property
    def form_presets(self) -> FormPresets:
        """The values of forms that users saved."""
        from webapp.accounts.bookmarks.form_presets import FormPresets

        return FormPresets(self.engine)

    # Jobs: started, changed, read and decided on

    @cached_property
    def jobs(self) -> Jobs:
        """What creates and changes jobs."""
        from webapp.jobs.service import Jobs

        if self.settings.has_budgets:
            self.budgets.count_new_jobs()
        return Jobs(
            self.engine,
            registry=self.registry,
            vault=self.vault,
            files=self.files,
            wake=self._wake,
            largest_file=self.settings.max_upload_bytes,
        )

    @cached_property
    def queries(self) -> JobQueries:
        """The reads of jobs."""
        from webapp.jobs.job_queries import JobQueries

        return JobQueries(self.engine)

    @cached_property
    def admin_jobs(self) -> AdminJobs:
        """What admins change in jobs."""
        from webapp.jobs.lifecycle.attributes import AdminJobs

        return AdminJobs(self.jobs.store, self.registry)

    @cached_property
    def job_editor(self) -> JobEditor:
        """Edits waiting jobs."""
        from webapp.jobs.editing.job_editor import JobEditor

        return JobEditor(
            self.jobs.store,
            registry=self.registry,
            vault=self.vault,
            queue_exists=self._queue_exists,
            wake=self._wake,
        )

    @cached_property
    def approvals(self) -> WaitingApprovals:
        """Lists the jobs that wait for somebody's approval."""
        from webapp.jobs.approvals.waiting_list import WaitingApprovals

        return WaitingApprovals(self.engine)

    @cached_property
    def questions(self) -> JobQuestions:
        """The questions of each job, with their answers."""
        from webapp.jobs.questions.question_rows import JobQuestions

        return JobQuestions(self.engine)

    @cached_property
    def open_questions(self) -> OpenQuestions:
        """What jobs ask people, and wait for."""
        from webapp.jobs.questions.open_questions import OpenQuestions

        return OpenQuestions(self.engine)

    @cached_property
    def budgets(self) -> Budgets:
        """What the jobs of each user can use in a month."""
        from zoneinfo import ZoneInfo

        from webapp.jobs.budgets.budget import LIMITS, MonthlyBudget
        from webapp.jobs.budgets.service import Budgets

        limits = {name: getattr(self.settings, f"budget_{name}") for name in LIMITS}
        default = MonthlyBudget(**limits) if self.settings.has_budgets else None
        return Budgets(self.engine, default, ZoneInfo(self.settings.timezone))

    @cached_property
    def disabled_types(self) -> DisabledTypes:
        """The job types that cannot be started now."""
        from webapp.jobs.definition.disabled_types import DisabledTypes

        return DisabledTypes(self.engine)

    @cached_property
    def failure_hooks(self) -> FailureHooks:
        """What is called when a job has failed for good."""
        from webapp.jobs.execution.failure_hooks import FailureHooks

        return FailureHooks(
            self.engine,
            registry=self.registry,
            vault=self.vault,
            services=self._injectables,
            create_job=self.jobs.create_job,
        )

    # Queues

    @cached_property
    def queues(self) -> Queues:
        """The queues."""
        from webapp.jobs.queueing.queues import Queues

        return Queues(self.engine, self._queue_names())

    @cached_property
    def global_pause(self) -> GlobalPause:
        """The pause of everything."""
        from webapp.jobs.queueing.global_pause import GlobalPause

        return GlobalPause(self.engine)

    @cached_property
    def claims(self) -> Claims:
        """Claims jobs for work-horses."""
        from webapp.jobs.queueing.claim import Claims

        return Claims(self.engine, {job_type.name: job_type.limits for job_type in self.registry})

    @cached_property
    def redis(self) -> Redis:
        """The connection to Redis, for what a user waits for."""
        from webapp.jobs.rq_queue.redis_connection import PUSH_TIMEOUT, connect

        return connect(self.settings.redis, PUSH_TIMEOUT)

    @cached_property
    def wake_ups(self) -> WakeUps:
        """Wakes workers through Redis."""
        from webapp.jobs.rq_queue.wake_ups import WakeUps

        return WakeUps(self.redis)

    def _wake(self, queue: str, /, rows: int = 1) -> None:
        self.wake_ups.push(queue, rows)

    def _queue_names(self) -> tuple[str, ...]:
        from webapp.installed_job_types import queues_of_shipped_types

        queues = None if "registry" in vars(self) else queues_of_shipped_types(self.settings)
        return tuple(dict.fromkeys(["default", *(self.registry.queues if queues is None else queues)]))

    def _queue_exists(self, name: str) -> bool:
        from webapp.jobs.queueing.queues import UnknownQueue

        try:
            return self.queues.get(name).name == name
        except UnknownQueue:
            return self.wake_ups.workers_alive(name) > 0

    # Execution by workers and launchers

    @cached_property
    def leases(self) -> Leases:
        """The rights of work-horses to run jobs."""
        from webapp.jobs.execution.leases import Leases

        return Leases(
            self.engine, self._wake, lambda name: self._type_or_removed(name).rerun_lost, begun_jobs=self.begun_jobs
        )

    @cached_property
    def begun_jobs(self) -> BegunJobs:
        """What the work-horses of this machine have noted."""
        from webapp.jobs.execution.groups.begun_jobs import BegunJobs
        from webapp.jobs.execution.leases import boot_id

        return BegunJobs(self.settings.data_dir / "work-horses", boot_id())

    @cached_property
    def executor(self) -> Executor:
        """The executor, which runs attempts in a work-horse."""
        from webapp.jobs.execution.executor import Executor

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
            wake=self._wake,
            memory=self.settings.horse_megabytes * 1024**2,
            retry_seconds=self.settings.lease_seconds,
        )

    def work_horse(self, await_wake_up: AwaitWakeUp | None = None, linger_seconds: float = 0.0) -> WorkHorse:
        """Build a work-horse, which runs jobs in a forked child; see there."""
        from webapp.jobs.execution.work_horse import Budget, WorkHorse

        settings = self.settings
        self.files.retry_for(settings.lease_seconds)
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
            self._wake,
            retry_seconds=retry_seconds,
            await_wake_up=await_wake_up,
            linger_seconds=linger_seconds,
            begun_jobs=self.begun_jobs,
            launcher=self.launch_run,
        )

    def make_watchdog(self, lease_id: UUID) -> Watchdog:
        """Build the watchdog that a worker runs for one work-horse."""
        from webapp.jobs.execution.watchdog import Watchdog

        return Watchdog(
            self.leases,
            lease_id,
            lease_seconds=self.settings.lease_seconds,
            drain_grace=timedelta(seconds=self.settings.stop_grace_seconds),
            timeout_of=lambda name: self._type_or_removed(name).timeout,
            grace_of=lambda name: self._type_or_removed(name).stop_grace,
            stale_after_of=lambda name: self._type_or_removed(name).stale_after,
        )

    def _type_or_removed(self, type_name: str) -> JobType | RemovedJobType:
        return self.registry.get(type_name) if type_name in self.registry else RemovedJobType()

    @cached_property
    def last_output(self) -> LastOutput:
        """Keeps what a killed work-horse had written."""
        from webapp.jobs.execution.output.last_output import LastOutput

        return LastOutput(self.leases, self.vault, lambda name: self._type_or_removed(name).capture_output)

    @cached_property
    def process_snapshots(self) -> ProcessSnapshots:
        """What the processes of running jobs did when operators asked."""
        from webapp.jobs.execution.process_snapshots.snapshot_store import ProcessSnapshots

        return ProcessSnapshots(self.engine)

    @cached_property
    def launches(self) -> Launches:
        """The jobs that were launched in processes of other systems."""
        from webapp.jobs.launching.launches import Launches

        return Launches(self.engine)

    @cached_property
    def launch_run(self) -> LaunchRun | None:
        """What launches jobs; None without launchers. Raises `BadLaunchers`."""
        if self.settings.launchers is None:
            return None
        from webapp.jobs.launching.launch_run import LaunchRun
        from webapp.jobs.launching.launchers import read_launchers
        from webapp.jobs.model.policies import DEFAULT_RESOURCES

        registry = self.registry
        return LaunchRun(
            self.launches,
            read_launchers(self.settings.launchers),
            lambda name: registry.get(name).resources if name in registry else DEFAULT_RESOURCES,
        )

    # Execution by hand

    def run_inline(self, job_id: UUID, *, any_status: bool = False) -> Job:
        """Run one job in this process immediately; see `InlineRun.run`.

        It must be queued, unless ``any_status`` queues it first; see `ManualStart.make_claimable`.
        """
        from webapp.jobs.execution.by_hand.inline import InlineRun
        from webapp.jobs.execution.leases import Holder, boot_id
        from webapp.jobs.lifecycle.manual_start import ManualStart

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
        manual_start = ManualStart(self.jobs.store, self.registry, self.files, self.vault)
        return inline_run.run(job_id, holder, manual_start.make_claimable if any_status else None)

    def dry_run(self, job_id: UUID, show: Show, *, limit: timedelta | None = None, debug: Debug | None = None) -> bool:
        """Run a job's handler without effects, in any status; see `DryRun.dry_run`.

        Raises `JobNotFound`, `UnknownJobType`, `WorkerOnly` or `BadRequest`.
        """
        from webapp.jobs.execution.by_hand.dry_run import DryRun, DryRunFiles

        job = self.jobs.get(job_id)
        self.refuse_dry_run(job)
        engine = read_only(self.engine)
        read_only_services = Services(self.settings, engine, DryRunFiles(self.files), self.registry)
        try:
            return read_only_services._build_executor(DryRun).dry_run(
                job, self.queries.jobs.now(), show, limit=limit, debug=debug
            )
        finally:
            engine.dispose()

    def refuse_dry_run(self, job: Job) -> None:
        """Raise `UnknownJobType`, `WorkerOnly` or `BadRequest` if a job has no handler to call outside a worker."""
        from webapp.jobs.execution.by_hand.inline import refuse_record_only, refuse_worker_only

        self.registry.get(job.type)
        refuse_worker_only(self.registry, job.type)
        refuse_record_only(job)

    @cached_property
    def dry_run_processes(self) -> DryRunProcesses:
        """Runs handlers without effects, in processes of their own."""
        from webapp.jobs.execution.by_hand.dry_run_process import DryRunProcesses

        return DryRunProcesses(self.settings, self.vault)

    # Schedules

    @cached_property
    def schedules(self) -> Schedules:
        """The schedules."""
        from webapp.jobs.schedules.service import Schedules

        return Schedules(self.engine, registry=self.registry, vault=self.vault, queue_exists=self._queue_exists)

    @cached_property
    def run_history(self) -> RunHistory:
        """What schedules did."""
        from webapp.jobs.schedules.run_history import RunHistory

        return RunHistory(self.engine)

    @cached_property
    def schedule_runner(self) -> ScheduleRunner:
        """Fires the schedules that are due."""
        from webapp.jobs.schedules.runner import ScheduleRunner

        return ScheduleRunner(
            self.engine,
            registry=self.registry,
            vault=self.vault,
            store=self.jobs.store,
            wake=self._wake,
            owner_now=self.owner_of_schedule,
        )

    @property
    def own_schedule_limits(self) -> OwnScheduleLimits:
        """The limits for schedules that users add for themselves."""
        from webapp.jobs.schedules.own_limits import OwnScheduleLimits

        interval = timedelta(seconds=self.settings.own_schedule_seconds)
        return OwnScheduleLimits(most=self.settings.own_schedules, interval=interval)

    def owner_of_schedule(self, user_id: UUID, type_name: str) -> Owner:
        """Return a user as the owner of new jobs of a type; raise `CannotStart` if the user can start none.

        What a missing account has is refused where jobs run.
        """
        from webapp.jobs.model.job import Owner
        from webapp.jobs.schedules.job_factory import DISABLED, NO_PERMISSION, CannotStart
        from webapp.user_policy import user_policy

        user = self.accounts.get(user_id)
        if user is not None and not user.active:
            raise CannotStart(DISABLED)
        if user is not None and not user_policy(user, self.registry).may_start(type_name):
            raise CannotStart(NO_PERMISSION)
        return Owner(user_id=user_id, tenant=user.tenant if user else None)

    # Notifications, and messages of other systems

    @cached_property
    def notifications(self) -> Notifications:
        """What users are told of finished jobs."""
        from webapp.jobs.queries.notifications import Notifications

        return Notifications(self.engine)

    @cached_property
    def notification_rules(self) -> NotificationRules:
        """Who is notified of what by mail, webhook and chat."""
        from webapp.notifications.rules import NotificationRules

        return NotificationRules(self.engine, self.vault)

    def rule_form(self, user: User | None) -> RuleForm:
        """Return the choices for notification rules of a user, or of the installation."""
        from webapp.notifications.rule_form import RuleForm
        from webapp.user_policy import user_policy

        policy = user_policy(user, self.registry) if user else None
        types = (job_type.name for job_type in self.registry if policy is None or policy.may_start(job_type.name))
        queues = (queue.name for queue in self.queues.all())
        return RuleForm(user=user, settings=self.settings, types=tuple(types), queues=tuple(queues))

    @cached_property
    def delivery_log(self) -> DeliveryLog:
        """The log of messages."""
        from webapp.notifications.delivery_log import DeliveryLog

        return DeliveryLog(self.engine)

    @cached_property
    def messenger(self) -> Messenger:
        """Delivers messages."""
        from webapp.notifications.messenger import Messenger

        return Messenger(
            self.engine,
            self.settings,
            rules=self.notification_rules,
            log=self.delivery_log,
            accounts=self.accounts,
            registry=self.registry,
        )

    @cached_property
    def notification_watch(self) -> NotificationWatch:
        """Evaluates the rules."""
        from webapp.notifications.conditions import Conditions
        from webapp.notifications.watch import NotificationWatch

        return NotificationWatch(
            self.engine,
            rules=self.notification_rules,
            log=self.delivery_log,
            jobs=self.jobs,
            registry=self.registry,
            conditions=Conditions(self.engine, self.workers.count_by_queue),
        )

    @cached_property
    def webhooks(self) -> Webhooks:
        """The inbound webhooks."""
        from webapp.inbound.webhooks import Webhooks

        return Webhooks(self.engine, registry=self.registry, vault=self.vault, accounts=self.accounts)

    @cached_property
    def webhook_messages(self) -> WebhookMessages:
        """The received messages of webhooks."""
        from webapp.inbound.message_log import WebhookMessages

        return WebhookMessages(self.engine, self.vault)

    @cached_property
    def reception(self) -> Reception:
        """What happens to the messages of webhooks."""
        from webapp.inbound.reception import Reception

        return Reception(webhooks=self.webhooks, messages=self.webhook_messages, accounts=self.accounts, jobs=self.jobs)

    # Maintenance and monitoring

    @cached_property
    def pruner(self) -> Pruner:
        """Deletes what has expired."""
        from webapp.jobs.maintenance.pruner import Pruner

        return Pruner(
            self.engine,
            self.files,
            timedelta(days=self.settings.retention_days),
            self.registry,
            keep_metrics=timedelta(days=self.settings.figures_days),
        )

    @cached_property
    def key_rotation(self) -> KeyRotation:
        """Replaces the secret key."""
        from webapp.jobs.maintenance.key_rotation import KeyRotation

        return KeyRotation(self.engine, self.vault, self.settings)

    def checks(self, *, deep: bool = False) -> Iterator[Check]:
        """Return the checks of this installation's invariants; ``deep`` reads every file."""
        from webapp.jobs.invariants.infrastructure import WakeUpSources
        from webapp.jobs.invariants.verifier import all_checks

        return all_checks(
            read_only(self.engine),
            files=self.files,
            limits={job_type.name: job_type.limits for job_type in self.registry},
            self_approvable=[kind.name for kind in self.registry if kind.approval and kind.approval.also_self],
            budget_guard=self.budgets.guard,
            lease_seconds=self.settings.lease_seconds,
            wake_up_sources=WakeUpSources(self.queues, self.claims, self.wake_ups),
            deep=deep,
        )

    @cached_property
    def workers(self) -> Workers:
        """The workers of every machine."""
        from webapp.jobs.monitoring.workers import Workers
        from webapp.jobs.rq_queue.worker_registry import registered_workers

        return Workers(self.engine, lambda: registered_workers(self.redis), self.settings.lease_seconds)

    @cached_property
    def metrics(self) -> Metrics:
        """The hourly figures."""
        from webapp.jobs.metrics.service import Metrics

        return Metrics(self.engine)

    @cached_property
    def health_check(self) -> HealthCheck:
        """The state of the installation."""
        from webapp.jobs.monitoring.clock_heartbeat import time_since_heartbeat
        from webapp.jobs.monitoring.snapshot import HealthCheck

        return HealthCheck(
            self.engine,
            redis=self.redis,
            workers=self.workers.all,
            workers_in_database=self.workers.in_database,
            clock_silent_for=lambda: time_since_heartbeat(self.engine),
            folder=self.files.folder or self.settings.data_dir,
            usual_run=self.queries.estimates.usual_run,
        )

    @cached_property
    def figures(self) -> FigureReader:
        """The figures for a monitoring system."""
        from webapp.jobs.monitoring.clock_heartbeat import time_since_heartbeat
        from webapp.jobs.monitoring.figures import FigureReader

        return FigureReader(
            self.engine,
            totals=self.metrics.totals,
            workers=self.workers.in_database,
            clock_silent_for=lambda: time_since_heartbeat(self.engine),
            redis=self.health_check.redis_memory,
            disk=self.health_check.disk,
            used_up_budgets=self.budgets.count_used_up,
            launched=self.launches.count_waiting,
            lease_seconds=self.settings.lease_seconds,
        )


class _FailureListener:
    """Builds the failure hooks when the first job fails for good."""

    def __init__(self, services: Services) -> None:
        self._services = services

    @property
    def types(self) -> Collection[str]:
        return self._services.failure_hooks.types

    def job_failed(self, job: Job) -> None:
        self._services.failure_hooks.job_failed(job)
