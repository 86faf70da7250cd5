"""The pulse of a job and its family: a text that differs whenever its page may look different, in one statement."""

from sqlalchemy import ColumnElement, Engine, ScalarSelect, func, select

from webapp.db.engine import reading
from webapp.jobs.model.job import Job
from webapp.schema import attachments, events, jobs


class JobChangeTags:
    """Feels the pulse of the jobs of one database."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def family_pulse(self, job: Job) -> str:
        """Return what changes with the job, its events, its files, its parts, and the jobs that repeat it."""
        theirs = (attachments.c.job_id == job.id,)
        parts = _versions(jobs.c.root_id == job.id) if job.parts else None
        beats = (
            select(func.count()).where(*theirs).select_from(attachments).scalar_subquery(),
            select(func.count()).where(*theirs, attachments.c.deleted_at.is_not(None)).scalar_subquery(),
            select(func.max(events.c.id)).where(events.c.job_id == job.id).scalar_subquery(),
            _versions(jobs.c.again_of == job.id),
            *((parts,) if parts is not None else ()),
        )
        with reading(self.engine) as connection:
            found = connection.execute(select(*beats)).one()
        return f"{job.version}-{'-'.join(str(beat or 0) for beat in found)}"


def _versions(which: ColumnElement[bool]) -> ScalarSelect[int]:
    return select(func.sum(jobs.c.version)).where(which).scalar_subquery()
