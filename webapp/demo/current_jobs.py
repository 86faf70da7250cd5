"""What stands now: jobs in every status, made and moved by the engine's own verbs.

What seems to run does: it is a record (``dispatch=False``) of work that is done elsewhere, and no
worker is needed for it to be true.

A job whose first attempt failed and whose second comes: as rows, since it takes a failure to get there.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from random import Random
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, insert, update

from webapp.accounts.user import User
from webapp.db.engine import writing
from webapp.demo import sample_files
from webapp.demo.people import Staff
from webapp.jobs.lifecycle.create import BadRequest
from webapp.jobs.model.job import EventName, IllegalTransition, Job, Owner, Status
from webapp.jobs.store import events
from webapp.schema import attempts, jobs, now
from webapp.services import Services

NIGHT = "night"  # a queue that is paused, so that something waits
_EXPORT = "job_history_export"


class CurrentJobs:
    """The jobs of today."""

    def __init__(self, services: Services, staff: Staff, chance: Random) -> None:
        self._services = services
        self._jobs = services.jobs
        self._staff = staff
        self._chance = chance

    def make(self) -> None:
        """Make them all; those that take a file are really run, here."""
        self._real()
        self._waiting()
        running = self._record("Copy the orders of the shop", "ana", done=11_640, total=25_000)
        self._record("Send the newsletter", "chloe", done=310, total=0)
        self._family()
        self._stopped()
        self._jobs.create_job(_EXPORT, after=[running], **_of(self._staff["ana"]))

    def _real(self) -> None:
        self._run("dataset_report", "ben", {"file": ("orders-2026-11.csv", sample_files.orders(self._chance))})
        self._run(
            "dataset_report", "ana", {"file": ("returns-2026-10.csv", sample_files.ragged(self._chance))}, clean=True
        )
        self._run("dataset_report", "chloe", {"file": ("prices-2026-11.csv", sample_files.NO_TABLE)})
        self._run("user_import", "admin", {"file": ("new-people.csv", sample_files.staff())}, dry_run=True)
        self._run("maintenance", "dai", {}, dry_run=True)
        self._run(_EXPORT, "dai", {}, with_notes=True)

    def _run(self, type_name: str, name: str, given: dict[str, tuple[str, bytes]], **values: object) -> None:
        files = {field: self._services.files.receive(BytesIO(data), file) for field, (file, data) in given.items()}
        job = self._jobs.create_job(type_name, values, files=files, **_of(self._staff[name]))
        try:
            self._services.run_inline(job.id)
        except (BadRequest, IllegalTransition):  # a worker was faster, or is to do it later
            return

    def _waiting(self) -> None:
        ana, ben, dai = (self._staff[name] for name in ("ana", "ben", "dai"))
        self._services.queues.add(NIGHT)
        self._services.queues.pause(NIGHT, by=dai.id, reason="Runs after 22:00 only")
        self._jobs.create_job(_EXPORT, queue=NIGHT, title="Export of the whole year", **_of(ana))
        self._jobs.create_job(_EXPORT, queue=NIGHT, title="Export for the auditors", **_of(ben))
        self._jobs.create_job(_EXPORT, delay=timedelta(hours=9), title="Report of the week", **_of(ana))
        self._jobs.create_job("maintenance", delay=timedelta(days=2), **_of(dai))
        again = self._jobs.create_job(
            _EXPORT, delay=timedelta(minutes=25), title="Export for the tax office", **_of(ben)
        )
        fail_once(self._services.engine, again.id)

    def _family(self) -> None:
        """A root whose parts are at work: one is done, one failed, one runs, one waits."""
        root = self._record("Recount the stock of four shops", "ben", done=0, total=0)
        parts = [self._part(root, town) for town in ("Madrid", "Lagos", "Paris", "Tokyo")]
        self._jobs.release(root)
        self._step(parts[0], Job.mark_running, Job.mark_completed)
        self._step(parts[1], Job.mark_running, lambda job: job.mark_failed(["The shop in Lagos did not answer."]))
        self._step(parts[2], Job.mark_running, lambda job: job.with_progress_from_amounts(87, 214))
        self._step(root, lambda job: replace(job, status=Status.WAITING))

    def _part(self, root: UUID, town: str) -> UUID:
        return self._jobs.create_child_job(root, _EXPORT, name=town, title=f"Recount {town}", dispatch=False).id

    def _stopped(self) -> None:
        ben = self._staff["ben"]
        for title in ("Translate the catalogue", "Resize the pictures"):
            job_id = self._record(title, "ben", done=40, total=96)
            self._jobs.cancel(job_id, by=ben.id)
        self._step(job_id, Job.mark_cancelled)
        late = self._jobs.create_job(_EXPORT, delay=timedelta(hours=1), **_of(ben))
        self._jobs.cancel(late.id, by=ben.id)

    def _record(self, title: str, name: str, *, done: int, total: int) -> UUID:
        job = self._jobs.create_job(_EXPORT, title=title, dispatch=False, **_of(self._staff[name]))
        self._step(job.id, Job.mark_running)
        if done:
            self._step(job.id, lambda job: job.with_progress_from_amounts(done, total or None))
        return job.id

    def _step(self, job_id: UUID, *steps: Callable[[Job], Job]) -> None:
        for step in steps:
            self._jobs.change(job_id, step)


def _of(person: User) -> dict[str, Any]:
    return {"owner": Owner(user_id=person.id, tenant=person.tenant), "triggered_by": person.id}


WHY = "ConnectionError: the shop's database refused the connection"
_AGO = timedelta(minutes=4)


def fail_once(engine: Engine, job_id: UUID) -> None:
    """Give a scheduled job the attempt that failed before."""
    with writing(engine) as connection:
        over = connection.execute(
            update(jobs).where(jobs.c.id == job_id).values(attempt=1, started_at=now()).returning(jobs.c.created_at)
        ).scalar_one()
        begun = over - _AGO
        where = {"worker": "one", "host": "demo-1", "pid": 4711}
        times = {"started_at": begun, "finished_at": over}
        attempt = {"job_id": job_id, "number": 1, "outcome": EventName.FAILED, "error": WHY, **where, **times}
        connection.execute(insert(attempts), attempt)
        for name, at, detail in ((EventName.STARTED, begun, ""), (EventName.FAILED, over, WHY)):
            events.insert(connection, [{"job_id": job_id, "at": at, "name": name, "attempt": 1, "detail": detail}])
