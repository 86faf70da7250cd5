"""What a question is about, and what it is made of."""

from dataclasses import dataclass

from webapp.jobs.attachments import Attachment
from webapp.jobs.job import Job
from webapp.views.moments import Moment
from webapp.views.written import translated


@dataclass(frozen=True, slots=True, kw_only=True)
class Matter:
    """What a question is about; ``grace`` is how long a running job may take to stop, in words."""

    job: Job
    files: tuple[Attachment, ...] = ()
    grace: str = ""
    removed_at: Moment | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """``title`` asks, ``effect`` says what happens; ``notes`` are further sentences."""

    title: str
    effect: str
    action: str
    keep: str
    notes: tuple[str, ...] = ()


def named(words: str, job: Job) -> str:
    """Name the job in a question."""
    return words % {"job": f"“{translated(job.title)}” #{job.short_id}"}
