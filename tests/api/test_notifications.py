"""Notification rules over the API: what the access rules do not show."""

import pytest

from tests.api.conftest import errors_of
from webapp.accounts.tokens import Scope
from webapp.jobs.metrics import cursors
from webapp.jobs.model.job import Owner
from webapp.views.notifications import send_limit

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


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/notification-rules"),
        ("PATCH", "/notification-rules/{rule}"),
        ("POST", "/notification-rules/{rule}/test"),
        ("POST", "/notification-deliveries/{delivery}/send-again"),
    ],
)
def test_a_token_cannot_send_elsewhere_what_it_cannot_read(program, program_of, user, services, method, path):
    rule_id = program.post("/notification-rules", RULE).json["id"]
    delivery_id = program.post(f"/notification-rules/{rule_id}/test").json["id"]
    body = {"name": "New"} if method == "PATCH" else RULE if path == "/notification-rules" else None
    address = path.format(rule=rule_id, delivery=delivery_id)
    answer = program_of(user, Scope.START).call(method, address, json=body)
    assert (answer.status_code, answer.json["detail"]) == (403, "This token does not have the scope “read”.")
    assert len(services.notification_rules.of_user(user.id)) == len(services.delivery_log.all()) == 1


def test_a_token_with_less_than_its_role_makes_no_rule_that_reports_with_all_of_it(program_of, admin, services):
    lowered, whole = program_of(admin, Scope.READ, Scope.START), program_of(admin, Scope.READ, Scope.START, Scope.ADMIN)
    refused = lowered.post("/notification-rules", RULE)
    assert (refused.status_code, "this token permits less" in refused.json["detail"]) == (403, True)
    rule_id = whole.post("/notification-rules", RULE).json["id"]
    assert lowered.call("PATCH", f"/notification-rules/{rule_id}", json={"name": "x"}).status_code == 403
    assert lowered.call("DELETE", f"/notification-rules/{rule_id}").status_code == 204


def test_messages_that_are_sent_by_hand_are_limited(program, services, user):
    rule_id = program.post("/notification-rules", RULE).json["id"]
    answers = [program.post(f"/notification-rules/{rule_id}/test") for _ in range(send_limit.PER_MINUTE + 1)]
    assert [answer.status_code for answer in answers] == [202] * send_limit.PER_MINUTE + [429]
    assert int(answers[-1].headers["Retry-After"]) > 0
    assert answers[-1].json["detail"].startswith("You can send 10 messages per minute by hand. Try again in ")
    delivery = services.delivery_log.all()[0]
    assert program.post(f"/notification-deliveries/{delivery.id}/send-again").status_code == 429
    assert len(services.delivery_log.all()) == send_limit.PER_MINUTE


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
    lowered = program_of(admin, Scope.READ, Scope.START)
    assert lowered.get("/notification-deliveries").json["items"][0]["facts"] == [seen]
