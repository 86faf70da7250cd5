"""What commands find instead of `webapp.services.Services` when they work against another installation.

Each object has the methods that commands call, and no more. Neither the database nor Redis nor Flask is imported.
"""

from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from types import SimpleNamespace

from webapp.cli.command_group import BadUsage
from webapp.cli.remote.accounts import RemoteAccounts, RemoteSecondFactors, RemoteTokens
from webapp.cli.remote.budgets import RemoteBudgets
from webapp.cli.remote.connection import Connection
from webapp.cli.remote.errors import RemoteErrors
from webapp.cli.remote.flows import RemoteFlows
from webapp.cli.remote.groups import RemoteGroups
from webapp.cli.remote.jobs import (
    RemoteAdminJobs,
    RemoteApprovals,
    RemoteDryRun,
    RemoteEstimates,
    RemoteFamilies,
    RemoteFiles,
    RemoteHistory,
    RemoteJobEditor,
    RemoteJobs,
    RemoteLists,
    RemoteLogs,
    RemoteQuestions,
    RemoteSnapshots,
)
from webapp.cli.remote.notifications import RemoteDeliveries, RemoteRuleForm, RemoteRules
from webapp.cli.remote.queues import RemotePause, RemotePresets, RemoteQueues, RemoteTypes, RemoteWakeUps, RemoteWorkers
from webapp.cli.remote.schedules import RemoteSchedules
from webapp.cli.remote.secret_key import RemoteKeyRotation
from webapp.cli.remote.webhooks import RemoteMessages, RemoteWebhooks
from webapp.jobs.model.job import Owner


class RemoteServices:
    """The services of another installation."""

    def __init__(self, server: str, token: str) -> None:
        connection = Connection(server, token)
        self.files = RemoteFiles(connection)
        self.jobs = RemoteJobs(connection, self.files)
        self.admin_jobs = RemoteAdminJobs(self.jobs)
        self.flows = RemoteFlows(connection)
        self.approvals = RemoteApprovals(connection)
        self.open_questions = RemoteQuestions(connection)
        self.job_editor = RemoteJobEditor(self.jobs, connection)
        self.dry_run = RemoteDryRun(connection)
        self.process_snapshots = RemoteSnapshots(connection)
        self.accounts = self.directory = RemoteAccounts(connection)
        self.second_factors = RemoteSecondFactors(connection)
        self.user_groups = RemoteGroups(connection)
        self.budgets = RemoteBudgets(connection)
        self.tokens = RemoteTokens(connection, connection.now)
        self.notification_rules = RemoteRules(connection, self.accounts)
        self.delivery_log = self.notification_watch = RemoteDeliveries(connection, self.notification_rules)
        self.rule_form = RemoteRuleForm
        self.webhooks = RemoteWebhooks(connection)
        self.webhook_messages = self.reception = RemoteMessages(connection)
        self.key_rotation = RemoteKeyRotation(connection)
        self.schedules = RemoteSchedules(connection, self.accounts.name_of)
        self.schedule_runner = self.run_history = self.schedules
        self.queues = RemoteQueues(connection)
        self.global_pause = RemotePause(connection)
        self.workers = RemoteWorkers(connection)
        self.wake_ups = RemoteWakeUps(connection)
        self.form_presets = RemotePresets(connection)
        self.registry = self.disabled_types = RemoteTypes(connection)
        history = RemoteHistory(connection)
        self.queries = SimpleNamespace(
            all_jobs=RemoteLists(connection),
            logs=RemoteLogs(connection),
            related=RemoteFamilies(connection),
            jobs=history,
            steps=SimpleNamespace(of=history.steps),
            estimates=RemoteEstimates(connection),
        )
        self.metrics = SimpleNamespace(errors=RemoteErrors(connection))
        self.audit = RemoteAudit()
        self.settings = RemoteSettings(connection)

    def owner_of_new_job(self, person: str | None) -> Owner:
        """Return the owner of a job that is started: always the account of the token."""
        own = self.accounts.own()
        if person not in {None, own.name}:
            raise BadUsage(f"--as {person}: the token acts as {own.name}, so its jobs belong to {own.name}.")
        return Owner(user_id=own.id, tenant=own.tenant)

    def owner_named(self, person: str | None, *, public: bool) -> Owner:
        """Return the owner of the jobs of a schedule; None is the system. The installation checks the rest."""
        if person is None:
            return Owner(public=public)
        user = self.accounts.by_name(person)
        if user is None or not user.active:
            raise BadUsage(f"There is no active account named {person}. See `deskjob user list`.")
        return Owner(user_id=user.id, tenant=user.tenant)


class RemoteSettings:
    """The settings of the installation that commands use."""

    max_upload_bytes = None  # the installation checks it

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @cached_property
    def timezone(self) -> str:
        """The time zone of times without one."""
        return str(self._connection.get("/me").get("timezone", "UTC"))


class RemoteAudit:
    """Writes no audit log: the installation itself records what the token does."""

    def record(self, _line: object) -> None:
        """Do nothing."""

    def record_with_change(self, _line: object) -> AbstractContextManager[None]:
        """Do nothing."""
        return nullcontext()
