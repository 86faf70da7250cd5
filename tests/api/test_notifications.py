"""Notification rules over the API: what the access rules do not show."""

from tests.api.conftest import errors_of
from webapp.jobs.metrics import cursors
from webapp.jobs.model.job import Owner

RULE = {"name": "Failures", "topics": ["failed"], "channel": "webhook", "address": "https://example.org/secret"}


def test_a_signing_key_is_returned_once_and_an_address_never(program, services, user):
    created = program.post("/notification-rules", RULE)
    rule_id = created.json["id"]
    [rule] = services.notification_rules.of_user(user.id)
    assert created.json["signing_key"] == services.notification_rules.target(rule.id).signing_key
    for answer in (created, program.get(f"/notification-rules/{rule_id}"), program.get("/notification-rules")):
        assert "example.org/secret" not in answer.text
    assert "signing_key" not in program.get(f"/notification-rules/{rule_id}").json


def test_a_bad_rule_is_refused_with_its_places_and_without_its_secret(program):
    bad = {**RULE, "name": "", "type": "bogus", "address": "https://10.0.0.1/secret"}
    answer = program.post("/notification-rules", bad)
    assert answer.status_code == 422
    assert set(errors_of(answer)) == {"#/name", "#/type", "#/address"}
    assert "secret" not in answer.text


def test_members_that_are_not_sent_stay_and_a_rule_is_switched_off(program, services, user):
    rule_id = program.post("/notification-rules", {**RULE, "quiet_from": "22:00", "quiet_until": "07:00"}).json["id"]
    changed = program.call("PATCH", f"/notification-rules/{rule_id}", json={"name": "New", "enabled": False}).json
    assert (changed["name"], changed["enabled"], changed["quiet_from"]) == ("New", False, "22:00")
    [rule] = services.notification_rules.of_user(user.id)
    assert services.notification_rules.target(rule.id).address == RULE["address"]


def test_a_test_is_in_the_log_and_cannot_be_sent_twice_at_once(program):
    rule_id = program.post("/notification-rules", RULE).json["id"]
    sent = program.post(f"/notification-rules/{rule_id}/test")
    assert (sent.status_code, sent.json["status"]) == (202, "queued")
    [listed] = program.get("/notification-deliveries").json["items"]
    assert listed == program.get(f"/notification-deliveries/{listed['id']}").json
    assert program.post(f"/notification-deliveries/{listed['id']}/send-again").status_code == 409


def test_rules_and_messages_of_the_installation_need_the_right(program, admins_program, program_of, person, user):
    for path in ("/notification-rules?installation=true", "/notification-deliveries?installation=true"):
        assert program.get(path).status_code == 404
        assert admins_program.get(path).status_code == 200
    auditor = program_of(person("reader", role="auditor"))
    assert auditor.post("/notification-rules", {**RULE, "installation": True}).status_code == 403
    limited = {**RULE, "installation": True, "user": "ana"}
    assert admins_program.post("/notification-rules", limited).json["owner_id"] == str(user.id)
    assert "#/user" in errors_of(admins_program.post("/notification-rules", {**limited, "user": "nobody"}))


def test_errors_of_jobs_that_an_auditor_cannot_open_are_not_in_the_log_of_messages(
    admins_program, admin, program_of, person, services, monkeypatch
):
    monkeypatch.setattr(cursors, "CAUTION_SECONDS", 0.0)
    admins_program.post("/notification-rules", {**RULE, "whose": "all"})
    services.jobs.create_job("maintenance", {}, owner=Owner(user_id=admin.id), dispatch=False)
    [job] = services.queries.all_jobs.newest(1)
    services.jobs.change(job.id, lambda job: job.mark_running())
    services.jobs.change(job.id, lambda job: job.mark_failed(["Row 7 of ana@example.org is wrong."]))
    services.notification_watch.run()
    log = "/notification-deliveries?installation=true"
    [fact] = admins_program.get(log).json["items"][0]["facts"]
    assert fact["detail"] == "Row 7 of ana@example.org is wrong."
    [seen] = program_of(person("reader", role="auditor")).get(log).json["items"][0]["facts"]
    assert seen == {**fact, "detail": ""}
