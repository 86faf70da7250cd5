from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import insert, update

from tests.asked_jobs import asked_job
from tests.jobs.conftest import Nothing
from webapp.db.engine import writing
from webapp.jobs.definition.job_type import job_type
from webapp.jobs.execution.context import JobContext
from webapp.jobs.model.approval import Approval
from webapp.jobs.model.job import Owner, Status
from webapp.jobs.schedules.draft import ScheduleDraft
from webapp.schema import error_groups, job_questions, jobs, later, notification_rules, now, schedule_runs, schedules

pytestmark = pytest.mark.usefixtures("database")

HOUR = 3600.0


@pytest.fixture
def hook(office, receiver):
    """Add a rule of the installation, or of a user, that has been there for two days."""

    def add(*topics, of=None, **values):
        rule = office.rule(of, *topics, channel="webhook", address=receiver.url, **values)
        office.change(notification_rules, rule.id, created_at=later(-48 * HOUR))
        return rule

    return add


def told(office, receiver):
    """Let the clock look twice, and return the reported subjects."""
    office.send()
    assert office.send() == 0
    return [(document["type"], document["data"]) for document in receiver.documents()]


def test_a_job_that_runs_too_long_is_reported_once(office, hook, receiver, put):
    hook("runs_long", seconds=600)
    job = put(Status.RUNNING, started_at=later(-601))
    put(Status.RUNNING, started_at=later(-599))
    [(kind, data)] = told(office, receiver)
    assert (kind, data["job_id"], data["seconds"]) == ("job.runs_long", str(job.id), 600)


def test_a_long_job_of_another_user_is_not_reported(office, hook, receiver, put, person):
    hook("runs_long", of=person("bea"), seconds=600)
    put(Status.RUNNING, started_at=later(-601))
    assert told(office, receiver) == []


def test_a_job_that_is_not_done_by_a_time_of_day_is_reported_once_a_day(office, hook, receiver, services, put):
    due = services.queries.jobs.now() - timedelta(minutes=2)
    hook("not_done", type="letter", due_time=f"{due:%H:%M}", zone="UTC")
    put(Status.FAILED, type="letter", finished_at=later(-300))
    [(kind, data)] = told(office, receiver)
    assert (kind, data["type"]) == ("job.not_done", "letter")


def test_a_job_that_was_done_in_time_is_not_reported(office, hook, receiver, services, put):
    due = services.queries.jobs.now() - timedelta(minutes=2)
    rule = hook("not_done", type="letter", due_time=f"{due:%H:%M}", zone="UTC")
    done_at = max(due.replace(hour=0, minute=0, second=0), due - timedelta(minutes=5))
    put(Status.COMPLETED, type="letter", finished_at=done_at)
    assert rule.due_time
    assert told(office, receiver) == []


@pytest.mark.parametrize(("tag", "expected"), [("urgent", []), ("weekly", ["job.not_done"])])
def test_only_a_job_with_the_tag_of_the_rule_counts_as_done(office, hook, receiver, services, put, tag, expected):
    due = services.queries.jobs.now() - timedelta(minutes=2)
    hook("not_done", type="letter", tag=tag, due_time=f"{due:%H:%M}", zone="UTC")
    done_at = max(due.replace(hour=0, minute=0, second=0), due - timedelta(minutes=5))
    put(Status.COMPLETED, type="letter", tags=("urgent",), finished_at=done_at)
    assert [kind for kind, _ in told(office, receiver)] == expected


@pytest.mark.parametrize(("tag", "expected"), [("nightly", 1), ("weekly", 0)])
def test_a_rule_with_a_tag_covers_the_schedules_that_have_it(office, hook, receiver, services, tag, expected):
    hook("schedule_missed", tag=tag)
    draft = ScheduleDraft(name="Nightly", rule="0 3 * * *", zone="UTC", tags=("nightly",))
    schedule = services.schedules.add("maintenance", {}, draft)
    with writing(services.engine) as connection:
        run = {"schedule_id": schedule.id, "outcome": "missed", "detail": "It was paused."}
        connection.execute(insert(schedule_runs).values(**run, fire_at=later(-HOUR), fired_at=now()))
    assert len(told(office, receiver)) == expected


@pytest.mark.parametrize(("outcome", "expected"), [("missed", 1), ("refused", 1), ("busy", 0)])
def test_a_schedule_that_did_not_start_its_job_is_reported(office, hook, receiver, services, outcome, expected):
    hook("schedule_missed")
    schedule = services.schedules.add("maintenance", {}, ScheduleDraft(name="Nightly", rule="0 3 * * *", zone="UTC"))
    with writing(services.engine) as connection:
        run = {"schedule_id": schedule.id, "outcome": outcome, "detail": "It was paused."}
        connection.execute(insert(schedule_runs).values(**run, fire_at=later(-HOUR), fired_at=now()))
    found = told(office, receiver)
    assert len(found) == expected
    assert all((kind, data["name"]) == ("schedule.missed", "Nightly") for kind, data in found)


def test_an_overdue_schedule_is_reported_to_its_owner(office, hook, receiver, services, user, person):
    hook("schedule_missed", of=user)
    hook("schedule_missed", of=person("bea"))
    draft = ScheduleDraft(name="Nightly", rule="0 3 * * *", zone="UTC", owner=Owner(user_id=user.id))
    schedule = services.schedules.add("letter", {}, draft)
    with writing(services.engine) as connection:
        connection.execute(update(schedules).where(schedules.c.id == schedule.id).values(next_fire_at=later(-600)))
    assert len(told(office, receiver)) == 1


def test_a_queue_that_waits_or_has_no_worker_is_reported(office, hook, receiver, put, services):
    hook("queue_waits", "no_worker", seconds=120)
    put(Status.QUEUED, created_at=later(-130))
    assert sorted(kind for kind, _ in told(office, receiver)) == ["queue.no_worker", "queue.waits"]


def test_a_paused_queue_a_worker_and_the_queue_of_notifications_are_not_reported(office, hook, receiver, put, services):
    hook("queue_waits", "no_worker", seconds=120)
    put(Status.QUEUED, created_at=later(-130))
    put(Status.QUEUED, created_at=later(-130), queue="notifications", type="notification_delivery")
    services.queues.pause("default")
    assert told(office, receiver) == []


def test_a_new_error_is_reported_once_and_an_old_one_is_not(office, hook, receiver, services, put):
    hook("new_error")
    job = put(Status.FAILED)
    for fingerprint, seen in (("new", -60), ("old", -72 * HOUR)):
        known = {"fingerprint": fingerprint, "type": "report", "message": "It broke.", "sample_job_id": job.id}
        with writing(services.engine) as connection:
            times = {"first_seen_at": later(seen), "last_seen_at": now()}
            connection.execute(insert(error_groups).values(**known, **times, count=1))
    [(kind, data)] = told(office, receiver)
    assert (kind, data["fingerprint"], data["detail"]) == ("error.new", "new", "It broke.")


def test_users_who_no_longer_see_the_installation_are_not_notified_of_it(office, hook, receiver, services, person, put):
    reader = person("reader", role="operator")
    hook("queue_waits", of=reader, seconds=60)
    services.accounts.set_role(reader.name, "user")
    put(Status.QUEUED, created_at=later(-130))
    assert told(office, receiver) == []


@pytest.fixture
def payment(services, user):
    """Create a job that waits for the approval of an operator."""

    @job_type("payment", title="Payment", approval=Approval())
    def pay(_job: JobContext, _payload: Nothing) -> None:
        """Pay nothing."""

    services.registry.add(pay)
    return services.jobs.create_user_job("payment", {}, user.id, triggered_by=user.id)


def test_who_can_approve_a_job_is_told_once_and_again_after_an_edit(office, hook, receiver, services, payment, person):
    hook("needs_approval", of=person("bo", role="operator"))
    hook("needs_approval", of=person("bea"))
    [(kind, data)] = told(office, receiver)
    assert (kind, data["job_id"]) == ("job.needs_approval", str(payment.id))
    assert data["url"] == f"https://jobs.example.org/office/jobs/{payment.id}"
    office.change(jobs, payment.id, approval_ends_at=later(HOUR))
    assert len(told(office, receiver)) == 2


def test_the_installation_is_told_of_every_job_that_waits_for_approval(office, hook, receiver, payment):
    hook("needs_approval", type="payment")
    hook("needs_approval", type="letter")
    assert [data["title"] for _, data in told(office, receiver)] == ["Payment"]


def test_a_message_about_a_job_that_was_decided_is_not_sent(office, hook, receiver, services, payment, person):
    bo = person("bo", role="operator")
    hook("needs_approval", of=bo)
    services.notification_watch.run()
    services.jobs.approve(payment.id, by=bo.id)
    office.send()
    assert receiver.documents() == []


def test_whom_a_job_asks_is_told_once_and_again_by_a_reminder(office, hook, receiver, services, person):
    bo, bea = person("bo", role="operator"), person("bea")
    hook("needs_answer", of=bo)
    hook("needs_answer", of=bea)
    job, question = asked_job(services, remind_every=timedelta(days=1))
    [(kind, data)] = told(office, receiver)
    assert (kind, data["job_id"], data["detail"]) == ("job.needs_answer", str(job.id), question.text)
    assert data["url"] == f"https://jobs.example.org/office/questions/{question.id}"
    with writing(services.engine) as connection:
        connection.execute(update(job_questions).values(remind_at=later(-1.0)))
    services.jobs.look_after_questions()
    assert len(told(office, receiver)) == 2


def test_the_installation_is_told_of_every_question(office, hook, receiver, services):
    hook("needs_answer")
    asked_job(services, asked_of=f"user:{uuid4()}")
    assert [kind for kind, _ in told(office, receiver)] == ["job.needs_answer"]


def test_a_message_about_a_question_that_was_answered_is_not_sent(office, hook, receiver, services, person):
    hook("needs_answer", of=person("bo", role="operator"))
    job, _ = asked_job(services)
    services.notification_watch.run()
    services.jobs.answer(job.id, {"keep": True}, by=None)
    office.send()
    assert receiver.documents() == []
