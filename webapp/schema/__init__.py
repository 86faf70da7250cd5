"""The tables, typed. Knows names and types, no meaning."""

from webapp.schema.attachments import attachments
from webapp.schema.audit import audit
from webapp.schema.columns import Moment, later, metadata, now
from webapp.schema.disabled_types import disabled_types
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
    "dependencies",
    "disabled_types",
    "events",
    "jobs",
    "later",
    "leases",
    "log_lines",
    "metadata",
    "notices",
    "now",
    "queues",
    "requests",
    "schedule_runs",
    "schedules",
    "sessions",
    "users",
    "workers",
]
