"""The tables, typed. Knows names and types, no meaning."""

from webapp.schema.attachments import attachments
from webapp.schema.audit import audit
from webapp.schema.clocks import clocks
from webapp.schema.columns import Moment, later, metadata, now
from webapp.schema.history import attempts, events, log_lines
from webapp.schema.jobs import dependencies, jobs
from webapp.schema.people import sessions, users
from webapp.schema.queues import leases, queues

__all__ = [
    "Moment",
    "attachments",
    "attempts",
    "audit",
    "clocks",
    "dependencies",
    "events",
    "jobs",
    "later",
    "leases",
    "log_lines",
    "metadata",
    "now",
    "queues",
    "sessions",
    "users",
]
