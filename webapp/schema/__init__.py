"""The tables, typed. Knows names and types, no meaning."""

from webapp.schema.attachments import attachments
from webapp.schema.audit import audit
from webapp.schema.clocks import clocks
from webapp.schema.columns import Moment, hour_of, later, metadata, now, seconds_between
from webapp.schema.disabled_types import disabled_types
from webapp.schema.figures import cursors, endings, error_groups, error_hours, error_users, job_errors, runs
from webapp.schema.history import attempts, events, log_lines
from webapp.schema.jobs import dependencies, jobs
from webapp.schema.notices import notices
from webapp.schema.people import sessions, users
from webapp.schema.queues import leases, queues
from webapp.schema.requests import requests
from webapp.schema.schedules import schedule_runs, schedules
from webapp.schema.workers import workers

__all__ = [
    "Moment",
    "attachments",
    "attempts",
    "audit",
    "clocks",
    "cursors",
    "dependencies",
    "disabled_types",
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
    "requests",
    "runs",
    "schedule_runs",
    "schedules",
    "seconds_between",
    "sessions",
    "users",
    "workers",
]
