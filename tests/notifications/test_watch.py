from datetime import timedelta

from sqlalchemy import func, select

from tests.jobs.statements import recorded
from webapp.db.engine import reading
from webapp.jobs.model.job import Status
from webapp.notifications import watch
from webapp.notifications.rule import DELIVERY_QUEUE
from webapp.schema import jobs, notices, notification_marks, users


def test_a_mail_tells_the_owner_that_a_job_is_done_with_a_link_to_the_job_and_its_result(database, office, user, inbox):
    office.rule(user, "finished")
    job = office.write(user)
    office.send()
    [mail] = inbox.mails
    assert inbox.recipients == [["ana@example.org"]]
    assert mail["Subject"] == "Deskjob: Letter is done."
    for kind in ("plain", "html"):
        text = mail.get_body((kind,)).get_content()
        assert f"https://jobs.example.org/office/jobs/{job.id}" in text
        assert f"https://jobs.example.org/office/jobs/{job.id}/files/" in text
        assert "letter.txt" in text
    [delivery] = office.log()
    assert (delivery.status, delivery.attempts, delivery.error) == ("delivered", 1, "")


def test_a_failure_is_reported_with_its_reason_and_without_the_secrets_of_the_job(database, office, user, inbox):
    office.rule(user, "failed")
    office.write(user, fails="The password PASSWORD is wrong")
    office.send()
    [mail] = inbox.mails
    text = mail.get_body(("plain",)).get_content()
    assert "Letter failed." in text
    assert "is wrong" in text
    assert "open sesame" not in str(mail)


def test_jobs_of_others_and_of_the_past_are_not_reported(database, office, user, person, inbox):
    office.write(user)
    office.rule(user, "finished", "failed")
    office.write(person("bea"))
    office.write(None)
    assert office.send() == 0
    assert inbox.mails == []


def test_an_attempt_that_is_retried_is_not_reported(database, office, user, services, run_jobs):
    office.rule(user, "failed")
    services.jobs.create_user_job("letter", {"fails": "once"}, user.id, max_attempts=2)
    run_jobs()
    assert office.send() == 0
    office.make_due()
    run_jobs()
    assert office.send() == 1


def test_a_burst_is_one_mail_and_what_follows_within_five_minutes_is_another(database, office, user, inbox):
    office.rule(user, "finished", "failed")
    for _ in range(25):
        office.write(user)
    assert office.send() == 1
    [mail] = inbox.mails
    assert mail["Subject"] == "Deskjob: 25 jobs are done."
    assert "and 5 more" in mail.get_body(("plain",)).get_content()
    for _ in range(2):
        office.write(user, fails="no paper")
        assert office.send() == 0
    office.make_due()
    assert office.send() == 1
    assert inbox.mails[1]["Subject"] == "Deskjob: 2 jobs failed."


def test_every_event_is_a_webhook_of_its_own(database, office, user, receiver):
    office.rule(user, "finished", channel="webhook", address=receiver.url)
    for _ in range(3):
        office.write(user)
    assert office.send() == 3
    assert [document["type"] for document in receiver.documents()] == ["job.finished"] * 3


def test_a_job_is_reported_once_even_if_two_clocks_look(database, office, user, services, inbox):
    office.rule(user, "finished")
    office.write(user)
    services.notification_watch.run()
    [delivery] = office.log()
    services.notification_watch.send(delivery)  # by another clock, which had read it before
    services.notification_watch.run()
    assert office.run_jobs(DELIVERY_QUEUE) == 1
    assert len(inbox.mails) == 1


def test_a_delivery_is_a_private_system_job_without_a_notification(database, office, user, services, receiver):
    office.rule(None, "finished", "failed", channel="webhook", address=receiver.url)
    receiver.status = 500
    office.write(user)
    office.send()
    with reading(services.engine) as connection:
        row = connection.execute(select(jobs).where(jobs.c.type == "notification_delivery")).one()
        told = connection.execute(select(func.count()).select_from(notices)).scalar_one()
    assert (row.owner_id, row.public, row.queue, row.status) == (None, False, DELIVERY_QUEUE, Status.SCHEDULED)
    assert told == 1  # the letter, by the bell
    receiver.status = 410  # gone: it is not tried again, so the job fails
    office.make_due()
    office.run_jobs(DELIVERY_QUEUE)
    assert office.log()[0].status == "failed"
    assert office.send() == 0


def test_a_disabled_delivery_type_keeps_messages(database, office, user, services, inbox):
    office.rule(user, "finished")
    services.disabled_types.disable("notification_delivery", reason="because")
    office.write(user)
    assert office.send() == 0
    services.disabled_types.enable("notification_delivery")
    assert office.send() == 1
    assert len(inbox.mails) == 1


def test_a_rule_reports_nothing_from_the_time_it_was_switched_off(database, office, user, services, inbox):
    rule = office.rule(user, "finished")
    services.notification_rules.set_enabled(rule.id, enabled=False)
    office.write(user)
    assert office.send() == 0
    services.notification_rules.set_enabled(rule.id, enabled=True)
    assert office.send() == 0
    assert inbox.mails == []


def test_a_disabled_user_is_not_notified(database, office, user, inbox):
    office.rule(user, "finished")
    office.write(user)
    office.change(users, user.id, active=False)
    assert office.send() == 0


def test_quiet_hours_hold_a_message_back(database, office, user, inbox):
    office.rule(user, "finished", quiet_from="00:00", quiet_until="23:59")
    office.rule(user, "finished", quiet_from="23:59", quiet_until="00:00", name="loud")
    office.write(user)
    assert office.send() in {0, 1}  # one minute of the day is the other way round
    [held] = [delivery for delivery in office.log() if delivery.status == "collecting"]
    assert (held.due_at.minute, held.due_at.second) in {(59, 0), (0, 0)}


def test_without_rules_a_round_is_two_reads(database, services):
    services.build()
    with recorded(services.engine) as sent:
        services.notification_watch.run()
    assert len(sent) == 2


def test_rules_read_many_events_in_batches(database, office, user, monkeypatch, inbox):
    monkeypatch.setattr(watch, "_BATCH", 3)
    office.rule(user, "finished")
    for _ in range(4):
        office.write(user)
    assert office.send() == 1
    assert inbox.mails[0]["Subject"] == "Deskjob: 4 jobs are done."


def test_a_lasting_state_is_reported_once_and_again_when_it_returns(database, office, admin, services, receiver, put):
    office.rule(None, "queue_waits", seconds=10, channel="webhook", address=receiver.url)
    job = put(Status.QUEUED, created_at=seconds_ago(services, 60))
    assert [office.send(), office.send()] == [1, 0]
    services.jobs.cancel(job.id)
    assert office.send() == 0
    with reading(services.engine) as connection:
        assert connection.execute(select(notification_marks)).all() == []
    put(Status.QUEUED, created_at=seconds_ago(services, 60))
    assert office.send() == 1


def seconds_ago(services, seconds):
    return services.queries.jobs.now() + timedelta(seconds=-seconds)
