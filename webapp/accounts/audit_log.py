"""The lines of the audit log, as plain values: who did what to which object.

The actor's name is stored with the line, so it stays readable after the account is gone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID


class AuditAction(StrEnum):
    """What was done. The values are stored; views/admin/audit.py translates them."""

    SIGN_IN = "sign_in"
    SIGN_IN_REFUSED = "sign_in_refused"
    BREAK_GLASS = "break_glass"
    SIGN_OUT = "sign_out"
    USER_ADD = "user_add"
    USER_CHANGE = "user_change"
    USER_ROLE = "user_role"
    USER_DISABLE = "user_disable"
    USER_ENABLE = "user_enable"
    FACTOR_ON = "factor_on"
    FACTOR_OFF = "factor_off"
    BUDGET_SET = "budget_set"
    BUDGET_CLEAR = "budget_clear"
    GROUP_ADD = "group_add"
    GROUP_REMOVE = "group_remove"
    GROUP_TYPES = "group_types"
    MEMBER_ADD = "member_add"
    MEMBER_REMOVE = "member_remove"
    USER_PASSWORD = "user_password"  # noqa: S105  (the name of an action, not a password)
    JOB_CREATE = "job_create"
    JOB_STOP = "job_stop"
    JOB_RETRY = "job_retry"
    JOB_RUN = "job_run"
    JOB_DRY_RUN = "job_dry_run"
    JOB_RUN_AGAIN = "job_run_again"
    JOB_SNAPSHOT = "job_snapshot"
    JOB_DELETE = "job_delete"
    JOB_PRIORITY = "job_priority"
    JOB_EDIT = "job_edit"
    JOB_APPROVE = "job_approve"
    JOB_ANSWER = "job_answer"
    JOB_REJECT = "job_reject"
    JOB_TAGS = "job_tags"
    JOB_SHARE = "job_share"
    JOB_KEEP = "job_keep"
    JOB_PUBLIC = "job_public"
    FLOW_START = "flow_start"
    FLOW_STOP = "flow_stop"
    FLOW_RETRY = "flow_retry"
    JOBS_BULK = "jobs_bulk"
    JOBS_EXPORT = "jobs_export"
    FILE_DOWNLOAD = "file_download"
    FILE_REMOVE = "file_remove"
    QUEUE_ADD = "queue_add"
    QUEUE_PAUSE = "queue_pause"
    QUEUE_RESUME = "queue_resume"
    QUEUE_LIMIT = "queue_limit"
    QUEUE_EMPTY = "queue_empty"
    QUEUE_REMOVE = "queue_remove"
    EVERYTHING_PAUSE = "everything_pause"
    EVERYTHING_RESUME = "everything_resume"
    WORKER_DRAIN = "worker_drain"
    WORKER_STOP = "worker_stop"
    SCHEDULE_ADD = "schedule_add"
    SCHEDULE_CHANGE = "schedule_change"
    SCHEDULE_PAUSE = "schedule_pause"
    SCHEDULE_RESUME = "schedule_resume"
    SCHEDULE_RUN = "schedule_run"
    SCHEDULE_REMOVE = "schedule_remove"
    TYPE_ENABLE = "type_enable"
    TYPE_DISABLE = "type_disable"
    ERROR_RESOLVE = "error_resolve"
    ERROR_IGNORE = "error_ignore"
    ERROR_REOPEN = "error_reopen"
    ERROR_RETRY = "error_retry"
    SETTINGS_CHANGE = "settings_change"
    AUDIT_EXPORT = "audit_export"
    BACKUP = "backup"
    RESTORE = "restore"
    MOVE_FILES = "move_files"
    TOKEN_ADD = "token_add"  # noqa: S105  (the name of an action)
    TOKEN_REVOKE = "token_revoke"  # noqa: S105
    RULE_ADD = "rule_add"
    RULE_CHANGE = "rule_change"
    RULE_SWITCH = "rule_switch"
    RULE_REMOVE = "rule_remove"
    RULE_TEST = "rule_test"
    MESSAGE_REDELIVER = "message_redeliver"
    WEBHOOK_ADD = "webhook_add"
    WEBHOOK_ROTATE = "webhook_rotate"
    WEBHOOK_DISABLE = "webhook_disable"
    WEBHOOK_ENABLE = "webhook_enable"
    WEBHOOK_REMOVE = "webhook_remove"
    WEBHOOK_RETRY = "webhook_retry"


class AuditTarget(StrEnum):
    """What kind of object the action affected."""

    USER = "user"
    GROUP = "group"
    BUDGET = "budget"
    JOB = "job"
    JOBS = "jobs"
    FLOW = "flow"
    FILE = "file"
    QUEUE = "queue"
    WORKER = "worker"
    SCHEDULE = "schedule"
    TYPE = "type"
    ERROR = "error"
    SETTINGS = "settings"
    AUDIT = "audit"
    INSTALLATION = "installation"
    TOKEN = "token"  # noqa: S105
    RULE = "rule"
    WEBHOOK = "webhook"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditActor:
    """Who acted: a user with an IP address, or a command line user, who has no ``id``; ``token`` names an API token."""

    name: str
    id: UUID | None = None
    role: str = ""
    address: str = ""
    token: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditLine:
    """One action. ``name`` is the display name of the object, stored in case the object is deleted."""

    actor: AuditActor
    action: AuditAction
    kind: AuditTarget
    id: str = ""
    name: str = ""
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None
