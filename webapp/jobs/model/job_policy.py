"""The job policy: what one user can see of a job and do with it. Pages, bulk actions and exports all ask it.

It holds no tables and no roles, so the engine can ask it too; `webapp.user_policy` builds it for a user.
"""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from webapp.jobs.model.job import ASKED_USER, Job, Owner


class JobAction(StrEnum):
    """What a user does with one job."""

    OPEN = "open"  # read its input, files, log, messages and errors
    STOP = "stop"
    RETRY = "retry"
    RUN_AGAIN = "run_again"
    DELETE = "delete"
    APPROVE = "approve"  # or reject
    ANSWER = "answer"  # the question that it waits for
    SHARE = "share"  # with a group, whose members can then read it
    UNSHARE = "unshare"
    DRY_RUN = "dry_run"  # call its handler without effects, with the permissions of its owner, and read what it reports


class Objection(StrEnum):
    """Why an action does not apply to a job, as a sentence; pages translate it. The last ten are permissions."""

    ENDED = "Already ended."
    STOPPING = "Already stopping."
    NOT_ENDED = "Not ended yet."
    DONE = "Done, so there is nothing to retry."
    PART = "Child jobs are handled with their parent job."
    NOT_SHARED = "Not shared with a group."
    NOT_APPROVED = "It was not approved. Run it again to ask for approval."
    NOT_YOURS = "Belongs to another user."
    OWNER_RIGHTS = "Runs with the permissions of another user."
    CLOSED = "You don't have permission to start this type of job."
    NOT_MANUAL = "This job type cannot be started manually."
    NOT_AN_APPROVER = "Only the approvers of this job type can do this."
    APPROVED_BY_OTHERS = "Somebody else must approve a job that you started, own or edited."
    NOT_ASKED = "Only those whom the job asks can do this."
    NOT_IN_GROUP = "You can share only with groups that you belong to."
    PRIVATE_OUTPUT = "It shows what its owner can see, so it cannot be shared."
    PASSWORD = "This job type asks for your password. Start a new job instead."  # noqa: S105


_RUNS = frozenset({JobAction.RETRY, JobAction.DRY_RUN})  # the same job; a copy belongs to whoever makes it


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPolicy:
    """What one user can do with their own jobs, and with those of others if ``sees_all`` and ``acts_on_all``.

    ``closed_types`` can only be started by other roles; what jobs of other users of these types read and wrote
    stays closed too: an auditor must not find an admin's list of passwords. What jobs of ``private_types`` write
    shows what their owner can see, so it is closed to other users who cannot start every type. ``unlisted_types``
    are started by pages of their own, ``password_types`` only with the user's own password. Jobs of ``acting_types``
    use the permissions of their owner, which can be more than the user has. The user approves jobs of
    ``approvable_types``, their own too if the type is one of ``self_approvable_types``. The user answers the jobs that
    ask one of ``answers_as`` (themselves, their roles and groups), or each job if ``answers_all``.

    Jobs that are shared with one of the ``groups`` of the user can be read, also those of ``closed_types``: their
    owner or an operator has decided so. Jobs of ``private_types`` are not shared. The user shares jobs that they act on
    with their own groups, or with each group if ``shares_with_all``.
    """

    user_id: UUID
    tenant: str | None = None
    sees_all: bool = False
    acts_on_all: bool = False
    closed_types: frozenset[str] = frozenset()
    private_types: frozenset[str] = frozenset()
    unlisted_types: frozenset[str] = frozenset()
    password_types: frozenset[str] = frozenset()
    acting_types: frozenset[str] = frozenset()
    approvable_types: frozenset[str] = frozenset()
    self_approvable_types: frozenset[str] = frozenset()
    answers_as: frozenset[str] = frozenset()
    answers_all: bool = False
    groups: frozenset[str] = frozenset()
    shares_with_all: bool = False

    @property
    def owner(self) -> Owner:
        """The owner of every job that this user creates, copies of other users' jobs included."""
        return Owner(user_id=self.user_id, tenant=self.tenant)

    @property
    def unopened_types(self) -> frozenset[str]:
        """The types whose jobs of other users stay closed."""
        return self.closed_types | self.private_types if self.closed_types else self.closed_types

    def may_start(self, type_name: str) -> bool:
        """Return whether the user can start a registered job type."""
        return type_name not in self.closed_types

    def refusal_to_run(self, type_name: str, owner: Owner) -> Objection | None:
        """Return why the user cannot make a job of a type run that belongs to an owner, or ``None``."""
        if not self.may_start(type_name):
            return Objection.CLOSED
        if owner.user_id == self.user_id:
            return None
        if type_name in self.acting_types and self.closed_types:
            return Objection.OWNER_RIGHTS
        return Objection.PASSWORD if type_name in self.password_types else None

    def sees(
        self, owner_id: UUID | None, tenant: str | None, *, public: bool = False, shared_with: str | None = None
    ) -> bool:
        """Return whether the user can see a job; `webapp.jobs.queries.visible_jobs.scopes` is the same in SQL."""
        if not self._shares_tenant(tenant):
            return False
        return self.sees_all or public or owner_id == self.user_id or shared_with in self.groups

    def is_shared(self, shared_with: str | None, tenant: str | None) -> bool:
        """Return whether a job of a tenant that is shared with a group is shared with this user."""
        return shared_with in self.groups and self._shares_tenant(tenant)

    def refusal_to_share(self, type_name: str, group: str) -> Objection | None:
        """Return why the user cannot share the jobs of a type that they act on with a group, or ``None``."""
        if type_name in self.private_types:
            return Objection.PRIVATE_OUTPUT
        return None if self.shares_with_all or group in self.groups else Objection.NOT_IN_GROUP

    def is_involved(self, job: Job) -> bool:
        """Return whether the user owns or started the job."""
        return self.user_id in {job.owner.user_id, job.triggered_by}

    def may_open(self, job: Job) -> bool:
        """Return whether the user can read what a job read and wrote; see `opens`.

        Approvers read the jobs that need approval too; what they wrote only if other users could read it as well.
        """
        shared = self.is_shared(job.shared_with, job.tenant)
        if self.opens(job.type, job.owner.user_id, job.triggered_by, shared=shared):
            return True
        approves = job.approval is not None and job.type in self.approvable_types
        return approves and (job.waits_for_approval or job.type not in self.closed_types | self.private_types)

    def opens(self, type_name: str, owner_id: UUID | None, triggered_by: UUID | None, *, shared: bool = False) -> bool:
        """Return whether the user can read what a visible job of this type and these users read and wrote.

        Other users see that a public job runs, but not its input and output; ``shared`` is what `is_shared` returns.
        """
        if self.user_id in {owner_id, triggered_by} or (shared and type_name not in self.private_types):
            return True
        return self.sees_all and type_name not in self.unopened_types

    def may_act(self, job: Job) -> bool:
        """Return whether the user can stop and delete the job: own jobs, or all for operators."""
        return self.refusal(JobAction.STOP, job) is None

    def refusal(self, action: JobAction, job: Job) -> Objection | None:
        """Return why the user has no permission for an action on a job that they can see, or ``None``."""
        if action is JobAction.ANSWER:
            return self.refusal_to_answer(job)
        if not self.may_open(job):
            return Objection.NOT_YOURS if self.may_start(job.type) or not self.sees_all else Objection.CLOSED
        if action is JobAction.OPEN:
            return None
        if action is JobAction.APPROVE:
            return self.refusal_to_approve(job.type, job.owner.user_id, job.triggered_by, job.edited_by)
        return self._refusal_to_act(action, job)

    def _refusal_to_act(self, action: JobAction, job: Job) -> Objection | None:
        if action is JobAction.DRY_RUN and job.waits_for_approval and job.type in self.approvable_types:
            return Objection.OWNER_RIGHTS if job.type in self.acting_types and self.closed_types else None
        if not (self.acts_on_all or self.is_involved(job)):
            return Objection.NOT_YOURS
        if action is JobAction.SHARE and job.type in self.private_types:
            return Objection.PRIVATE_OUTPUT
        if action is JobAction.RUN_AGAIN:
            return self._refusal_to_copy(job)
        return self.refusal_to_run(job.type, job.owner) if action in _RUNS else None

    def refusal_to_approve(
        self, type_name: str, owner_id: UUID | None, triggered_by: UUID | None, edited_by: UUID | None
    ) -> Objection | None:
        """Return why the user cannot approve a visible job of this type and these users, or ``None``."""
        if type_name not in self.approvable_types:
            return Objection.NOT_AN_APPROVER
        if self.user_id in {owner_id, triggered_by, edited_by} and type_name not in self.self_approvable_types:
            return Objection.APPROVED_BY_OTHERS
        return None

    def refusal_to_answer(self, job: Job) -> Objection | None:
        """Return why the user cannot answer the question that a job waits for, or ``None``.

        Whoever acts on all jobs and can open this one also answers for one user, who may have left.
        """
        if self.is_asked(job.asked_of, job.tenant):
            return None
        if not self._shares_tenant(job.tenant):
            return Objection.NOT_ASKED
        if self.answers_all:
            return None
        if self.acts_on_all and (job.asked_of or "").startswith(ASKED_USER) and self.may_open(job):
            return self.refusal_to_run(job.type, job.owner)
        return Objection.NOT_ASKED

    def is_asked(self, asked_of: str | None, tenant: str | None) -> bool:
        """Return whether a job of a tenant that asks somebody asks this user."""
        return asked_of in self.answers_as and self._shares_tenant(tenant)

    def _shares_tenant(self, tenant: str | None) -> bool:
        return tenant == self.tenant or (self.sees_all and self.tenant is None)

    def _refusal_to_copy(self, job: Job) -> Objection | None:
        if not self.may_start(job.type):
            return Objection.CLOSED
        if job.type in self.unlisted_types:
            return Objection.NOT_MANUAL
        return Objection.PASSWORD if job.type in self.password_types else None
