import pytest

from webapp.jobs.model.job import Owner
from webapp.notifications.rule import Topic

pytestmark = pytest.mark.usefixtures("database")


def run(office, **values):
    office.services.jobs.create_job("letter", {}, **values)
    office.run_jobs()
    return office.send()


def test_a_user_is_notified_of_jobs_that_they_started_for_the_system(office, user, inbox):
    office.rule(user, "finished")
    assert run(office, owner=Owner(), triggered_by=user.id) == 1
    assert run(office, owner=Owner(public=True)) == 0


@pytest.mark.parametrize(("role", "told"), [("user", 0), ("auditor", 1), ("operator", 1), ("admin", 1)])
def test_all_jobs_are_those_that_the_user_sees_when_they_happen(
    office, user, admin, person, services, role, told, receiver
):
    reader = person("reader", role="admin")
    office.rule(reader, "finished", whose="all", channel="webhook", address=receiver.url)
    services.accounts.set_role(reader.name, role)
    assert run(office, owner=Owner(user_id=user.id)) == told


def test_a_tenants_admin_is_notified_of_jobs_of_the_tenant_only(office, user, person, receiver):
    reader = person("reader", role="admin", tenant="north")
    office.rule(reader, "finished", whose="all", channel="webhook", address=receiver.url)
    assert run(office, owner=Owner(user_id=user.id, tenant="south")) == 0
    assert run(office, owner=Owner(user_id=user.id, tenant="north")) == 1


def test_a_rule_can_be_limited_to_a_type_a_queue_and_a_person(office, user, person, services, receiver):
    services.queues.add("slow")
    where = {"channel": "webhook", "address": receiver.url}
    for limit in ({"type": "letter"}, {"queue": "slow"}, {"owner_id": user.id}, {"type": "maintenance"}):
        office.rule(None, "finished", name=str(limit), **where, **limit)
    assert run(office, owner=Owner(user_id=person("bea").id)) == 1
    assert {each.rule_name for each in office.log()} == {"{'type': 'letter'}"}
    assert run(office, owner=Owner(user_id=user.id)) == 2


def test_a_rule_can_be_limited_to_a_tag(office, user, receiver):
    office.rule(None, "finished", channel="webhook", address=receiver.url, tag="Urgent")
    assert run(office, owner=Owner(user_id=user.id), tags=["month end"]) == 0
    assert run(office, owner=Owner(user_id=user.id), tags=["month end", "urgent"]) == 1


def test_the_reason_of_a_failure_is_only_for_those_who_can_open_the_job(office, person, services, receiver):
    reader = person("reader", role="auditor")
    office.rule(reader, "failed", whose="all", channel="webhook", address=receiver.url)
    services.jobs.create_job("maintenance", {}, owner=Owner(user_id=person("root", role="admin").id), dispatch=False)
    job = services.queries.all_jobs.newest(1)[0]
    services.jobs.change(job.id, lambda job: job.mark_running())
    services.jobs.change(job.id, lambda job: job.mark_failed(["Row 7 of ana@example.org is wrong."]))
    assert office.send() == 1
    [document] = receiver.documents()
    assert document["type"] == "job.failed"
    assert "detail" not in document["data"]


def test_topics_have_names_that_the_column_holds():
    assert len(",".join(Topic)) <= 200
