"""Current demo jobs, one or more in every status, created through the public operations.

Running jobs are records of work done elsewhere (``dispatch=False``), so that they need no worker. Only the
failed first attempt of a job that waits for its retry is written as rows.
"""

from collections.abc import Callable
from contextlib import suppress
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
from webapp.jobs.flows.flow import Flow
from webapp.jobs.model.job import NO_QUEUE, BadRequest, EventName, IllegalTransition, Job, Owner, Status
from webapp.jobs.store import events, step_rows
from webapp.jobs.store.step_rows import Step
from webapp.schema import attempts, jobs
from webapp.schema import events as event_rows
from webapp.services import Services

NIGHT = "night"  # a paused queue, so that some jobs wait
_EXPORT = "job_history_export"
_PAYOUT = "payout"
_ORDER_CHECK = "order_check"
_FIRST_ERROR = "ConnectionError: the shop's database refused the connection"
_ATTEMPT_TIME = timedelta(minutes=4)


class CurrentJobs:
    """Creates the jobs of today."""

    def __init__(self, services: Services, staff: Staff, rng: Random) -> None:
        self._services = services
        self._jobs = services.jobs
        self._staff = staff
        self._rng = rng

    def create_all(self) -> None:
        """Create all jobs; run those with files in this process."""
        self._run_with_files()
        self._create_waiting()
        running = self._create_record("Copy shop orders", "ana", done=11_640, total=25_000)
        self._create_job_with_steps()
        self._create_record("Send newsletter", "chloe", done=310, total=0)
        self._create_family()
        self._create_flow()
        self._create_stopped()
        self._ask_for_approval()
        self._ask_people()
        self._jobs.create_job(_EXPORT, after=[running], **_owned_by(self._staff["ana"]))

    def _run_with_files(self) -> None:
        self._run("dataset_report", "ben", {"file": ("orders-2026-11.csv", sample_files.order_table(self._rng))})
        self._run(
            "dataset_report",
            "ana",
            {"file": ("returns-2026-10.csv", sample_files.incomplete_order_table(self._rng))},
            clean=True,
        )
        self._run("dataset_report", "chloe", {"file": ("prices-2026-11.csv", sample_files.NO_TABLE)})
        self._run("user_import", "admin", {"file": ("new-users.csv", sample_files.user_table())}, dry_run=True)
        self._run("maintenance", "dai", {}, dry_run=True)
        self._run(_EXPORT, "dai", {}, with_notes=True)

    def _run(self, type_name: str, name: str, inputs: dict[str, tuple[str, bytes]], **values: object) -> None:
        if type_name in self._services.disabled_types.all():  # by an admin, or by the demo data that are there already
            return
        files = {field: self._services.files.receive(BytesIO(data), file) for field, (file, data) in inputs.items()}
        job = self._jobs.create_job(type_name, values, files=files, **_owned_by(self._staff[name]))
        try:
            self._services.run_inline(job.id)
        except (BadRequest, IllegalTransition):  # a worker has it, or will run it later
            return

    def _create_waiting(self) -> None:
        ana, ben, dai = (self._staff[name] for name in ("ana", "ben", "dai"))
        self._services.queues.add(NIGHT)
        self._services.queues.pause(NIGHT, by=dai.id, reason="Runs after 22:00 only")
        self._jobs.create_job(_EXPORT, queue=NIGHT, title="Annual export", tags=["audit", "year end"], **_owned_by(ana))
        self._jobs.create_job(_EXPORT, queue=NIGHT, title="Export for the auditors", tags=["audit"], **_owned_by(ben))
        self._jobs.create_job(
            _EXPORT, delay=timedelta(hours=9), title="Weekly report", tags=["weekly"], **_owned_by(ana)
        )
        self._jobs.create_job("maintenance", delay=timedelta(days=2), **_owned_by(dai))
        retrying = self._jobs.create_job(
            _EXPORT,
            delay=timedelta(minutes=25),
            title="Export for the tax office",
            tags=["audit", "urgent"],
            **_owned_by(ben),
        )
        fail_once(self._services.engine, retrying.id)

    def _ask_for_approval(self) -> None:
        """Create jobs that wait for approval, or were approved or rejected, if the example type is installed."""
        if _PAYOUT not in self._services.registry:
            return
        dai = self._staff["dai"]
        asked = [
            self._jobs.create_job(_PAYOUT, {"recipient": recipient, "amount": amount}, **_owned_by(self._staff[name]))
            for name, recipient, amount in (
                ("ana", "Northwind Traders", 12_400),
                ("chloe", "Contoso Paper", 3_150),
                ("ben", "Fabrikam Logistics", 8_900),
                ("ben", "Northwind Traders", 120_000),
            )
        ]
        self._jobs.approve(asked[2].id, by=dai.id)
        second = {"recipient": "Fabrikam Logistics", "amount": 640}  # needs no approval, but waits for its rate
        self._jobs.create_job(_PAYOUT, second, **_owned_by(self._staff["ben"]))
        self._jobs.reject(asked[3].id, "One zero too many? Last month it was 12,000 EUR.", by=dai.id)

    def _ask_people(self) -> None:
        """Create jobs that wait for an answer, and one that goes on with it, if the example type is installed."""
        if _ORDER_CHECK not in self._services.registry:
            return
        for name, month, to_operators in (
            ("ana", "2026-11", False),
            ("ben", "2026-10", True),
            ("chloe", "2026-09", False),
        ):
            self._run(_ORDER_CHECK, name, {}, month=month, to_operators=to_operators)
        for found in self._services.queries.all_jobs.newest(20):
            if found.type == _ORDER_CHECK and found.owner.user_id == self._staff["chloe"].id and found.waits_for_answer:
                self._jobs.answer(
                    found.id, {"action": "assign", "customer": "Northwind Traders"}, by=found.owner.user_id
                )
                with suppress(IllegalTransition):  # a worker has it
                    self._services.run_inline(found.id)

    def _create_job_with_steps(self) -> None:
        """Create a job that failed behind two steps whose results it keeps."""
        job_id = self._create_record("Closing of November", "ana", done=2, total=3)
        began = self._services.queries.jobs.now() - timedelta(minutes=3)
        attempt = self._jobs.get(job_id).attempt
        results: dict[str, Any] = {
            "Fetch the bookings": {"bookings": 11_640, "debit": 481_220.5, "credit": 481_220.5},
            "Check the balance": {"difference": 0},
        }
        with writing(self._services.engine) as connection:
            connection.execute(update(jobs).where(jobs.c.id == job_id).values(created_at=began, started_at=began))
            connection.execute(update(event_rows).where(event_rows.c.job_id == job_id).values(at=began))
            for place, (name, result) in enumerate(results.items(), 1):
                ended = began + place * timedelta(seconds=48)
                step = Step(name=name, place=place, attempt=attempt, started_at=began, finished_at=ended, result=result)
                step_rows.insert(connection, job_id, step)
                began = ended
        self._change(job_id, lambda job: job.mark_failed(["The server of the auditors did not answer."]))

    def _create_flow(self) -> None:
        """Create a flow in progress: jobs that are done, failed, running, and held for these."""
        flow, ana = Flow("Closing of the shops"), self._staff["ana"]
        fetch = flow.spawn(_EXPORT, name="Fetch the orders")
        reports = [flow.spawn(_EXPORT, name=f"Report {town}").after(fetch) for town in ("Madrid", "Lagos", "Paris")]
        check = flow.spawn(_EXPORT, name="Check the totals").after(*reports, on_failure="wait")
        flow.spawn(_EXPORT, name="Send the report").after(check)
        flow.spawn(_EXPORT, name="Tidy up").after(*reports, on_failure="run")
        for job in flow.jobs:
            job.choices = {"title": job.name, "queue": NIGHT}  # which is paused
        self._jobs.start_flow(flow, **_owned_by(ana))
        ids = [job.id for job in flow.jobs if job.id is not None]
        with writing(self._services.engine) as connection:  # so that no worker is needed
            connection.execute(update(jobs).where(jobs.c.id.in_(ids)).values(record_only=True, queue=NO_QUEUE))
        self._change(ids[0], Job.mark_running, Job.mark_completed)
        self._change(ids[1], Job.mark_running, Job.mark_completed)
        lagos = ["The shop in Lagos did not respond."]
        self._change(ids[2], Job.mark_running, lambda job: job.mark_failed(lagos))
        self._change(ids[3], Job.mark_running, lambda job: job.with_progress_from_amounts(62, 100))

    def _create_family(self) -> None:
        """Create a parent job with four child jobs: done, failed, running and waiting."""
        root = self._create_record("Recount stock in four shops", "ben", done=0, total=0)
        children = [self._child(root, town) for town in ("Madrid", "Lagos", "Paris", "Tokyo")]
        self._jobs.release(root)
        self._change(children[0], Job.mark_running, Job.mark_completed)
        self._change(children[1], Job.mark_running, lambda job: job.mark_failed(["The shop in Lagos did not respond."]))
        self._change(children[2], Job.mark_running, lambda job: job.with_progress_from_amounts(87, 214))
        self._change(root, lambda job: replace(job, status=Status.WAITING))

    def _child(self, root: UUID, town: str) -> UUID:
        return self._jobs.create_child_job(root, _EXPORT, name=town, title=f"Recount {town}", dispatch=False).id

    def _create_stopped(self) -> None:
        ben = self._staff["ben"]
        for title in ("Translate catalogue", "Resize pictures"):
            job_id = self._create_record(title, "ben", done=40, total=96)
            self._jobs.cancel(job_id, by=ben.id)
        self._change(job_id, Job.mark_cancelled)
        scheduled = self._jobs.create_job(_EXPORT, delay=timedelta(hours=1), **_owned_by(ben))
        self._jobs.cancel(scheduled.id, by=ben.id)

    def _create_record(self, title: str, name: str, *, done: int, total: int) -> UUID:
        job = self._jobs.create_job(_EXPORT, title=title, dispatch=False, **_owned_by(self._staff[name]))
        self._change(job.id, Job.mark_running)
        if done:
            self._change(job.id, lambda job: job.with_progress_from_amounts(done, total or None))
        return job.id

    def _change(self, job_id: UUID, *steps: Callable[[Job], Job]) -> None:
        for step in steps:
            self._jobs.change(job_id, step)


def _owned_by(user: User) -> dict[str, Any]:
    return {"owner": Owner(user_id=user.id, tenant=user.tenant), "triggered_by": user.id}


def fail_once(engine: Engine, job_id: UUID) -> None:
    """Add a failed first attempt to a scheduled job."""
    with writing(engine) as connection:
        finished = connection.execute(
            update(jobs).where(jobs.c.id == job_id).values(attempt=1).returning(jobs.c.created_at)
        ).scalar_one()
        started = finished - _ATTEMPT_TIME
        where = {"worker": "one", "host": "demo-1", "pid": 4711}
        times = {"started_at": started, "finished_at": finished}
        attempt = {"job_id": job_id, "number": 1, "outcome": EventName.FAILED, "error": _FIRST_ERROR, **where, **times}
        connection.execute(insert(attempts), attempt)
        for name, at, detail in ((EventName.STARTED, started, ""), (EventName.FAILED, finished, _FIRST_ERROR)):
            events.insert(connection, [{"job_id": job_id, "at": at, "name": name, "attempt": 1, "detail": detail}])
