"""The public interface of the engine, which callers import from `webapp.jobs`.

What a job type and an application need, every exception that they can catch, and the signals of a job's lifecycle.
"""

from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from webapp.jobs.budgets.admission import BudgetUsedUp
from webapp.jobs.definition.disabled_types import TypeDisabled
from webapp.jobs.definition.field_specs import Upload
from webapp.jobs.definition.job_type import InvalidPayload, JobError, job_type
from webapp.jobs.definition.own_services import job_service
from webapp.jobs.definition.payload import UnreadableSecret, Vault
from webapp.jobs.definition.previews import TablePreview
from webapp.jobs.definition.registry import Registry, UnknownJobType
from webapp.jobs.execution.batches import Slice, plan_chunks
from webapp.jobs.execution.context import JobContext
from webapp.jobs.execution.failure_hooks import FailureHooks
from webapp.jobs.execution.handler_errors import RetryLater
from webapp.jobs.execution.reporter import JobCancelled, JobInterrupted
from webapp.jobs.execution.time_limit import JobTimeout
from webapp.jobs.flows.flow import Flow, InvalidFlow, OnFailure
from webapp.jobs.job_queries import JobQueries
from webapp.jobs.model.approval import Approval
from webapp.jobs.model.job import BadRequest, IllegalTransition, Job, Owner, Status
from webapp.jobs.model.job_policy import JobPolicy
from webapp.jobs.model.json_values import NotStorable
from webapp.jobs.model.policies import Limits, OnDuplicate, Resources, Retention, RetryPolicy
from webapp.jobs.model.rate import Rate
from webapp.jobs.queries.history import HistoryCriteria, JobHistory
from webapp.jobs.queries.visible_jobs import Viewer
from webapp.jobs.queueing.queues import UnknownQueue
from webapp.jobs.service import Jobs
from webapp.jobs.store.attachments import AttachmentNotFound
from webapp.jobs.store.file_store import FileTooLarge
from webapp.jobs.store.job_store import JobNotFound, StaleJob
from webapp.jobs.store.signals import (
    job_cancelled,
    job_completed,
    job_created,
    job_failed,
    job_progressed,
    job_retrying,
    job_stale,
    job_started,
)
from webapp.jobs.store.unique_keys import DuplicateJob, UniqueKeyTaken

if TYPE_CHECKING:
    from webapp.jobs.questions.answer_class import InvalidAnswer
    from webapp.jobs.questions.answers import NoOpenQuestion
    from webapp.jobs.questions.attempt_questions import NotAnswered
    from webapp.jobs.questions.question import Respondent

__all__ = [
    "Approval",
    "AttachmentNotFound",
    "BadRequest",
    "BudgetUsedUp",
    "DuplicateJob",
    "FailureHooks",
    "FileTooLarge",
    "Flow",
    "HistoryCriteria",
    "IllegalTransition",
    "InvalidAnswer",
    "InvalidFlow",
    "InvalidPayload",
    "Job",
    "JobCancelled",
    "JobContext",
    "JobError",
    "JobHistory",
    "JobInterrupted",
    "JobNotFound",
    "JobPolicy",
    "JobQueries",
    "JobTimeout",
    "Jobs",
    "Limits",
    "NoOpenQuestion",
    "NotAnswered",
    "NotStorable",
    "OnDuplicate",
    "OnFailure",
    "Owner",
    "Rate",
    "Registry",
    "Resources",
    "Respondent",
    "Retention",
    "RetryLater",
    "RetryPolicy",
    "Slice",
    "StaleJob",
    "Status",
    "TablePreview",
    "TypeDisabled",
    "UniqueKeyTaken",
    "UnknownJobType",
    "UnknownQueue",
    "UnreadableSecret",
    "Upload",
    "Vault",
    "Viewer",
    "job_cancelled",
    "job_completed",
    "job_created",
    "job_failed",
    "job_progressed",
    "job_retrying",
    "job_service",
    "job_stale",
    "job_started",
    "job_type",
    "plan_chunks",
]

_WHEN_USED = MappingProxyType(  # few jobs ask people, and every worker imports this module
    {
        "InvalidAnswer": "webapp.jobs.questions.answer_class",
        "NoOpenQuestion": "webapp.jobs.questions.answers",
        "NotAnswered": "webapp.jobs.questions.attempt_questions",
        "Respondent": "webapp.jobs.questions.question",
    }
)


def __getattr__(name: str) -> Any:
    if name in _WHEN_USED:
        return getattr(import_module(_WHEN_USED[name]), name)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
