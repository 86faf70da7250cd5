"""Change tags (ETags) for job pages: a text that changes whenever the page of a job does."""

from sqlalchemy import ColumnElement, Engine, ScalarSelect, func, select

from webapp.db.engine import reading
from webapp.jobs.model.job import Job
from webapp.schema import attachments, events, jobs


class JobChangeTags:
    """Computes change tags, each in one statement."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def of_job(self, job: Job) -> str:
        """Return a tag that changes with the job, its events, its files, its children, and the jobs that repeat it."""
        own_files = (attachments.c.job_id == job.id,)
        children = _versions(jobs.c.root_id == job.id) if job.parts else None
        values = (
            select(func.count()).where(*own_files).select_from(attachments).scalar_subquery(),
            select(func.count()).where(*own_files, attachments.c.deleted_at.is_not(None)).scalar_subquery(),
            select(func.max(events.c.id)).where(events.c.job_id == job.id).scalar_subquery(),
            _versions(jobs.c.again_of == job.id),
            *((children,) if children is not None else ()),
        )
        with reading(self.engine) as connection:
            found = connection.execute(select(*values)).one()
        return f"{job.version}-{'-'.join(str(value or 0) for value in found)}"


def _versions(condition: ColumnElement[bool]) -> ScalarSelect[int]:
    return select(func.sum(jobs.c.version)).where(condition).scalar_subquery()
