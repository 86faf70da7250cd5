import json

import pytest
from click.testing import Result

HOOK = ("--webhook", "https://example.org/secret")


@pytest.fixture
def rule(run, services):
    run("notifications", "add", "Failures", "--on", "failed", *HOOK)
    return services.notification_rules.of_user(None)[0]


def listed(done: Result):
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_a_rule_is_added_with_its_signing_key_and_listed_without_secrets(run, services):
    added = run("notifications", "add", "Failures", "--on", "failed", "--on", "no_worker", *HOOK)
    assert added.exit_code == 0, added.output
    [rule] = services.notification_rules.of_user(None)
    key = services.notification_rules.target(rule.id).signing_key
    assert key in added.stdout
    shown = run("notifications", "list").stdout
    assert f"{rule.id}  on   webhook  Failures: failed, no_worker  https://example.org/…" in shown
    assert "secret" not in shown + run("notifications", "list", "--json").stdout


def test_an_address_can_come_from_standard_input(run, services):
    run("notifications", "add", "Chat", "--on", "failed", "--chat", "-", input="slack://T1/T2/T3\n")
    [rule] = services.notification_rules.of_user(None)
    assert services.notification_rules.target(rule.id).address == "slack://T1/T2/T3"


def test_a_user_has_rules_of_their_own(run, services, user):
    done = run(
        *("notifications", "add", "Slow", "--as", "ana", "--on", "runs_long", "--longer-than", "2h", *HOOK),
        *("--quiet", "22:00-07:00", "--zone", "berlin", "--json"),
    )
    shown = listed(done)
    assert (shown["user_id"], shown["seconds"], shown["zone"]) == (str(user.id), 7200, "Europe/Berlin")
    assert shown["signing_key"].startswith("whsec_")
    assert listed(run("notifications", "list", "--json")) == []
    assert [each["name"] for each in listed(run("notifications", "list", "--as", "ana", "--json"))] == ["Slow"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--on", "failed"), "Choose one of --mail, --own-mail, --webhook and --chat."),
        (("--on", "failed", *HOOK, "--chat", "slack://a"), "Choose one of --mail"),
        (("--on", "failed", "--webhook", "https://10.0.0.1/"), "10.0.0.1 is not a public address."),
        (("--on", "runs_long", *HOOK), "Enter a period from 10 seconds"),
        (("--on", "bogus", *HOOK), "Invalid value for '--on'"),
        (("--on", "failed", "--mail", "team@example.org"), "An admin can set DESKJOB_SMTP_URL."),
        (("--on", "failed", "--as", "nobody", *HOOK), "There is no account named nobody."),
    ],
)
def test_a_bad_rule_is_refused_with_a_sentence(run, services, words, sentence):
    done = run("notifications", "add", "Bad", *words)
    assert (done.exit_code, sentence in done.stderr) == (2, True), done.output
    assert services.notification_rules.of_user(None) == ()


def test_a_rule_is_changed_and_keeps_what_is_not_given(run, services, rule, user):
    words = ("--name", "New", "--on", "runs_long", "--longer-than", "2h", "--owner", "ana", "--quiet", "22:00-07:00")
    assert "webhook  New: runs_long  https://example.org/…" in run("notifications", "edit", rule.id, *words).stdout
    changed = services.notification_rules.get(rule.id)
    assert (changed.seconds, changed.owner_id, changed.quiet_from) == (7200, user.id, "22:00")
    assert services.notification_rules.target(rule.id).address == HOOK[1]
    run("notifications", "edit", rule.id, "--quiet", "none", "--owner", "none", "--webhook", "https://example.com/new")
    [cleared] = services.notification_rules.of_user(None)
    assert (cleared.name, cleared.owner_id, cleared.quiet_from, cleared.seconds) == ("New", None, "", 7200)
    assert services.notification_rules.target(rule.id).address == "https://example.com/new"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "Nothing to change. Use at least one option."),
        (("--chat", "slack://T1/T2/T3"), "This rule uses webhook, which cannot change. Add another rule."),
        (("--type", "nothing"), "There is no job type with this name."),
        (("--owner", "nobody"), "There is no account named nobody."),
    ],
)
def test_a_bad_change_is_refused_with_a_sentence(run, services, rule, words, sentence):
    done = run("notifications", "edit", rule.id, *words)
    assert (done.exit_code, sentence in done.stderr) == (2, True), done.output
    assert services.notification_rules.of_user(None) == (rule,)


def test_a_rule_is_switched_off_and_on_and_deleted(run, services, rule):
    assert "  off  " in run("notifications", "switch", rule.id, "off").stdout
    assert listed(run("notifications", "switch", rule.id, "on", "--json"))[0]["enabled"]
    assert "The rule Failures was deleted." in run("notifications", "remove", rule.id).stderr
    assert run("notifications", "remove", rule.id).exit_code == 2
    assert run("notifications", "test", "bogus").exit_code == 2


def test_a_test_is_in_the_log_and_can_be_sent_again_when_it_has_ended(run, services, rule):
    sent = run("notifications", "test", rule.id, "--json")
    delivery = json.loads(sent.stdout)
    assert delivery["status"] == "queued"
    assert "Failures: test" in run("notifications", "log").stdout
    refused = run("notifications", "send-again", delivery["id"])
    assert (refused.exit_code, "It is already being sent." in refused.stderr) == (1, True)
    services.jobs.cancel(services.delivery_log.all()[0].job_id)
    services.delivery_log.record_failure(services.delivery_log.all()[0].id, "It did not arrive.", final=True)
    assert "It did not arrive." in run("notifications", "log", "--status", "failed").stdout
    assert run("notifications", "log", "--status", "delivered").stdout == ""
    assert "queued" in run("notifications", "send-again", delivery["id"]).stdout
    assert run("notifications", "send-again", rule.id).exit_code == 1
