import pytest

from webapp.jobs.maintenance.clock_chores import promote_due
from webapp.notifications.channels.delivery_errors import Undeliverable
from webapp.notifications.rule import DELIVERY_QUEUE
from webapp.schema import jobs, notification_deliveries, notification_rules, users


def status_of_job(services, delivery):
    return services.jobs.get(delivery.job_id).status


def use_mail_server(services, port):
    services.messenger._settings = services.settings.model_copy(update={"smtp_url": f"smtp://127.0.0.1:{port}"})


def test_an_unreachable_mail_server_delays_a_message_and_loses_none(office, user, inbox, mail_server, services):
    office.rule(user, "finished")
    office.write(user)
    inbox.reply = "451 The disk is full"
    office.send()
    [delivery] = office.log()
    assert (delivery.status, delivery.attempts) == ("queued", 1)
    assert "451" in delivery.error
    assert status_of_job(services, delivery) == "scheduled"
    use_mail_server(services, port=1)  # where nobody listens
    office.make_due()
    office.run_jobs(DELIVERY_QUEUE)
    assert "cannot be reached" in office.log()[0].error
    inbox.reply = ""
    use_mail_server(services, mail_server.port)
    office.make_due()
    office.run_jobs(DELIVERY_QUEUE)
    [delivery] = office.log()
    assert (delivery.status, delivery.attempts, delivery.error) == ("delivered", 3, "")
    assert len(inbox.mails) == 1


def test_a_message_is_given_up_after_three_days_and_can_be_sent_again(office, user, inbox, services):
    office.rule(user, "finished")
    office.write(user)
    inbox.reply = "451 The disk is full"
    office.send()
    [delivery] = office.log()
    office.change(notification_deliveries, delivery.id, due_at=delivery.due_at.replace(year=2020))
    office.change(jobs, delivery.job_id, run_at=delivery.due_at)
    promote_due(services.engine)
    office.run_jobs(DELIVERY_QUEUE)
    assert office.log()[0].status == "failed"
    inbox.reply = ""
    services.delivery_log.queue_again(delivery.id)
    office.send()
    assert office.log()[0].status == "delivered"


def test_an_address_that_the_server_refuses_is_not_tried_again(office, user, inbox, services):
    office.rule(user, "finished")
    office.write(user)
    inbox.refused["ana@example.org"] = "550 No such user"
    office.send()
    [delivery] = office.log()
    assert (delivery.status, delivery.error) == ("failed", "The mail server refused the address: 550 No such user")
    assert status_of_job(services, delivery) == "failed"


def test_a_message_that_arrived_is_not_sent_again_by_a_repeated_job(office, user, inbox, services):
    office.rule(user, "finished")
    office.write(user)
    office.send()
    [delivery] = office.log()
    services.messenger.deliver(delivery.id)
    assert len(inbox.mails) == 1


def test_a_message_whose_job_was_stopped_fails_and_a_retry_of_its_job_sends_it(office, user, services, inbox):
    office.rule(user, "finished")
    office.write(user)
    services.notification_watch.run()
    [delivery] = office.log()
    services.jobs.cancel(delivery.job_id)
    office.send()
    [delivery] = office.log()
    assert (delivery.status, delivery.error) == ("failed", "The job that sends it was stopped or lost.")
    services.jobs.retry(delivery.job_id)
    office.run_jobs(DELIVERY_QUEUE)
    assert office.log()[0].status == "delivered"


def test_an_unexpected_error_is_in_the_log(office, user, services, monkeypatch):
    monkeypatch.setattr("webapp.notifications.channels.mail.build_mail", lambda *_: 1 / 0)
    office.rule(user, "finished")
    office.write(user)
    office.send()
    [delivery] = office.log()
    assert (delivery.status, delivery.error) == ("failed", "Unexpected error: ZeroDivisionError")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda o, r, u: o.services.notification_rules.delete(r.id), "The rule was deleted."),
        (lambda o, r, u: o.services.notification_rules.set_enabled(r.id, enabled=False), "The rule is switched off."),
        (lambda o, r, u: o.change(users, u.id, active=False), "The account is disabled."),
        (lambda o, r, u: o.change(users, u.id, email=None), "The account has no email address."),
    ],
)
def test_what_cannot_arrive_fails_with_its_reason(office, user, services, inbox, change, reason):
    rule = office.rule(user, "finished")
    office.write(user)
    services.notification_watch.run()
    change(office, rule, user)
    office.run_jobs(DELIVERY_QUEUE)
    [delivery] = office.log()
    assert (delivery.status, delivery.error, inbox.mails) == ("failed", reason, [])


def test_an_address_of_another_secret_key_is_named(office, user, services, receiver):
    rule = office.rule(user, "finished", channel="webhook", address=receiver.url)
    office.write(user)
    services.notification_watch.run()
    office.change(notification_rules, rule.id, address={"$secret": "gAAAA-of-another-key"})
    office.run_jobs(DELIVERY_QUEUE)
    assert "SECRET_KEY has changed" in office.log()[0].error


def test_an_unknown_message_is_undeliverable(services, user):
    with pytest.raises(Undeliverable):
        services.messenger.deliver(user.id)


def test_a_reader_gets_their_own_language(office, user, inbox):
    office.change(users, user.id, language="de")
    office.rule(user, "finished")
    office.write(user)
    office.send()
    [mail] = inbox.mails
    assert mail["Subject"] == "Deskjob: Letter ist fertig."
    assert "Benachrichtigungsregel" in mail.get_body(("html",)).get_content()


def test_a_rule_of_the_installation_has_recipients_and_a_language(office, user, inbox):
    office.rule(None, "finished", recipients=("team@example.org", "boss@example.org"), language="de")
    office.write(user)
    office.send()
    assert inbox.recipients == [["team@example.org", "boss@example.org"]]
    assert "ist fertig" in inbox.mails[0]["Subject"]
    assert "/office/admin/notifications" in inbox.mails[0].get_body(("plain",)).get_content()


def test_a_test_message_is_sent_at_once_also_in_quiet_hours_and_delays_nothing(office, user, services, inbox):
    rule = office.rule(user, "finished", quiet_from="00:00", quiet_until="23:59")
    services.delivery_log.add_test(rule)
    assert office.send() == 1
    assert inbox.mails[0]["Subject"] == "Deskjob: This is a test."
    assert services.notification_rules.get(rule.id).last_sent_at is None
