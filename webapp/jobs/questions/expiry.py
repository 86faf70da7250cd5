"""The clock's chore: let questions expire, remind of those that are open, and withdraw those of ended jobs."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine, RowMapping, or_, select

from webapp.db.engine import reading, writing
from webapp.jobs.questions import question_rows
from webapp.jobs.questions.answers import expire
from webapp.jobs.questions.question_rows import COLUMNS, IS_OPEN, to_question
from webapp.jobs.store.job_store import JobStore
from webapp.schema import job_questions, jobs, now

_AT_ONCE = 200  # the next round of the clock does the others


def look_after_questions(engine: Engine, wake: Callable[[str], Any]) -> int:
    """Do what is due for open questions, each in its own transaction; return how many have expired."""
    store, count = JobStore(engine), 0
    for row in _due(engine):
        with writing(engine) as connection:
            if row["job_asks"] is None:
                question_rows.withdraw(connection, job_questions.c.id == row["id"])
                continue
            if not row["is_over"]:
                question_rows.remind(connection, row["id"], row["remind_every"])
                continue
            woken = expire(connection, store, to_question(row))
        if woken is None:
            continue
        count += 1
        for queue in sorted(woken):
            wake(queue)
    return count


def _due(engine: Engine) -> list[RowMapping]:
    is_over = (job_questions.c.ends_at <= now()).is_(True)
    columns: Any = (*COLUMNS, job_questions.c.remind_every, jobs.c.asked_of.label("job_asks"), is_over.label("is_over"))
    due = (
        select(*columns)
        .join_from(job_questions, jobs, jobs.c.id == job_questions.c.job_id)
        .where(IS_OPEN, or_(is_over, job_questions.c.remind_at <= now(), jobs.c.asked_of.is_(None)))
    )
    with reading(engine) as connection:
        return list(connection.execute(due.order_by(job_questions.c.job_id).limit(_AT_ONCE)).mappings())
