from typing import Any

import pytest
from pydantic import BaseModel

from webapp.jobs.definition.job_type import job_type
from webapp.jobs.model.job import Owner
from webapp.notifications.rule import DELIVERY_QUEUE
from webapp.schema import users

NOTHING_LEFT = "The account may not see any more what this message is about."


class NoInput(BaseModel):
    """A payload without fields."""


@job_type("private_letter", title="Private letter", private_output=True)
def private_letter(job: Any, payload: NoInput) -> None:
    """Write a letter that only its owner may read."""
    job.attach("dear-ana.txt", "Dear Ana")


def collect_and_send(office, change):
    """Let a right change between the event and the message."""
    office.services.notification_watch.run()
    change()
    office.run_jobs(DELIVERY_QUEUE)
    return office.log()[0]


@pytest.mark.parametrize("channel", ["mail", "webhook"])
def test_a_reader_who_sees_all_no_longer_is_not_told(office, user, admin, person, services, inbox, receiver, channel):
    reader = person("reader", role="admin", email="reader@example.org")
    office.rule(reader, "finished", whose="all", channel=channel, address=receiver.url if channel == "webhook" else "")
    office.write(user)
    delivery = collect_and_send(office, lambda: services.accounts.set_role(reader.name, "user"))
    assert (delivery.status, delivery.error) == ("failed", NOTHING_LEFT)
    services.delivery_log.queue_again(delivery.id)
    office.send()
    assert (inbox.mails, receiver.requests) == ([], [])


def test_a_reader_of_another_tenant_is_not_told_of_the_jobs_of_the_old_one(office, person, inbox):
    reader = person("reader", role="admin", tenant="north", email="reader@example.org")
    office.rule(reader, "finished")
    office.services.jobs.create_job("letter", {}, owner=Owner(user_id=reader.id, tenant="north"))
    office.run_jobs()
    delivery = collect_and_send(office, lambda: office.change(users, reader.id, tenant="south"))
    assert (delivery.status, delivery.error) == ("failed", NOTHING_LEFT)
    assert inbox.mails == []


def test_after_the_tenant_has_changed_nothing_of_the_old_one_is_collected(office, person):
    reader = person("reader", role="admin", tenant="north", email="reader@example.org")
    office.rule(reader, "finished")
    office.change(users, reader.id, tenant="south")
    office.services.jobs.create_job("letter", {}, owner=Owner(user_id=reader.id, tenant="north"))
    office.run_jobs()
    assert office.send() == 0


def test_the_rest_of_a_bundle_is_sent(office, user, admin, person, services, inbox):
    reader = person("reader", role="admin", email="reader@example.org")
    office.rule(reader, "finished", whose="all")
    own, foreign = office.write(reader), office.write(user)
    delivery = collect_and_send(office, lambda: services.accounts.set_role(reader.name, "user"))
    assert delivery.status == "delivered"
    text = inbox.mails[0].get_body(("plain",)).get_content()
    assert str(own.id) in text
    assert str(foreign.id) not in text
    assert inbox.mails[0]["Subject"] == "Deskjob: Letter is done."


def test_a_job_that_was_deleted_is_told_to_whoever_it_belonged_to(office, user, inbox, services):
    office.rule(user, "finished")
    job = office.write(user)
    assert collect_and_send(office, lambda: services.jobs.delete(job.id)).status == "delivered"
    assert len(inbox.mails) == 1


def test_names_of_files_are_only_for_those_who_can_open_the_job(office, user, person, inbox, services):
    services.registry.add(private_letter)
    for name, role in (("reader", "auditor"), ("boss", "admin")):
        reader = person(name, role=role, email=f"{name}@example.org")
        office.rule(reader, "finished", whose="all")
    services.jobs.create_job("private_letter", {}, owner=Owner(user_id=user.id))
    office.run_jobs()
    office.send()
    texts = {mail["To"]: mail.get_body(("plain",)).get_content() for mail in inbox.mails}
    assert "dear-ana.txt" in texts["boss@example.org"]
    assert "dear-ana.txt" not in texts["reader@example.org"]
