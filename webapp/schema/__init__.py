"""The tables, typed. Knows names and types, no meaning."""

from webapp.schema.attachments import attachments
from webapp.schema.audit import audit
from webapp.schema.columns import Moment, hour_of, later, metadata, now, seconds_between
from webapp.schema.figures import cursors, endings, error_groups, error_hours, error_users, job_errors, runs
from webapp.schema.history import attempts, events, log_lines
from webapp.schema.jobs import dependencies, jobs
from webapp.schema.notices import notices
from webapp.schema.people import sessions, users
from webapp.schema.queues import leases, queues

__all__ = [
    "Moment",
    "attachments",
    "attempts",
    "audit",
    "cursors",
    "dependencies",
    "endings",
    "error_groups",
    "error_hours",
    "error_users",
    "events",
    "hour_of",
    "job_errors",
    "jobs",
    "later",
    "leases",
    "log_lines",
    "metadata",
    "notices",
    "now",
    "queues",
    "runs",
    "seconds_between",
    "sessions",
    "users",
]
