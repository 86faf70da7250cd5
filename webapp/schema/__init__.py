"""The tables with typed columns, SQL functions, and the clock of the database. No other behaviour."""

from webapp.schema.attachments import attachments
from webapp.schema.audit import audit
from webapp.schema.columns import (
    UtcDateTime,
    database_time,
    has_tag,
    hour_of,
    in_lines,
    later,
    metadata,
    now,
    seconds_between,
)
from webapp.schema.history import attempts, events, job_questions, job_steps, log_lines
from webapp.schema.jobs import claimed_keys, dependencies, flow_jobs, flows, jobs, requests
from webapp.schema.metrics import cursors, endings, error_groups, error_hours, error_users, job_errors, runs, totals
from webapp.schema.notices import notices
from webapp.schema.notifications import notification_deliveries, notification_marks, notification_rules
from webapp.schema.processes import clocks, process_snapshots, workers
from webapp.schema.queues import disabled_types, launches, leases, queues, rate_starts, rate_waits
from webapp.schema.saved_filters import form_presets, saved_filters
from webapp.schema.schedules import schedule_runs, schedules
from webapp.schema.tokens import api_requests, api_tokens
from webapp.schema.users import (
    budget_usage,
    budgets,
    group_members,
    group_types,
    identities,
    recovery_codes,
    second_factors,
    sessions,
    user_groups,
    users,
)
from webapp.schema.webhooks import webhook_messages, webhooks

__all__ = [
    "UtcDateTime",
    "api_requests",
    "api_tokens",
    "attachments",
    "attempts",
    "audit",
    "budget_usage",
    "budgets",
    "claimed_keys",
    "clocks",
    "cursors",
    "database_time",
    "dependencies",
    "disabled_types",
    "endings",
    "error_groups",
    "error_hours",
    "error_users",
    "events",
    "flow_jobs",
    "flows",
    "form_presets",
    "group_members",
    "group_types",
    "has_tag",
    "hour_of",
    "identities",
    "in_lines",
    "job_errors",
    "job_questions",
    "job_steps",
    "jobs",
    "later",
    "launches",
    "leases",
    "log_lines",
    "metadata",
    "notices",
    "notification_deliveries",
    "notification_marks",
    "notification_rules",
    "now",
    "process_snapshots",
    "queues",
    "rate_starts",
    "rate_waits",
    "recovery_codes",
    "requests",
    "runs",
    "saved_filters",
    "schedule_runs",
    "schedules",
    "second_factors",
    "seconds_between",
    "sessions",
    "totals",
    "user_groups",
    "users",
    "webhook_messages",
    "webhooks",
    "workers",
]
