from dataclasses import replace

import pytest

from webapp.notifications import rule_form
from webapp.notifications.rule import InvalidRule, RuleDraft
from webapp.notifications.rule_form import shown_address

MAIL = RuleDraft(name="Failures", topics=("failed",), channel="mail")
HOOK = RuleDraft(name="Failures", topics=("failed",), channel="webhook", address="https://example.org/hook")
TEAM = RuleDraft(name="Failures", topics=("failed",), channel="mail", recipients=("team@example.org",))


def problems(form, draft):
    with pytest.raises(InvalidRule) as raised:
        form.checked(draft)
    return raised.value.errors


@pytest.mark.parametrize(
    ("change", "field", "sentence"),
    [
        ({"name": ""}, "name", "A rule needs a name of 1 to 120 characters on one line."),
        ({"name": "a\nb"}, "name", "A rule needs a name of 1 to 120 characters on one line."),
        ({"topics": ()}, "topics", "Choose at least one event."),
        ({"topics": ("bogus",)}, "topics", "Choose one of the options."),
        ({"topics": ("no_worker",)}, "topics", "Choose one of the options."),  # only for those who see queues
        ({"whose": "all"}, "whose", "You only see your own jobs."),
        ({"type": "bogus"}, "type", "There is no job type with this name."),
        ({"type": "maintenance"}, "type", "There is no job type with this name."),  # that the user cannot start
        ({"queue": "bogus"}, "queue", "There is no queue with this name."),
        ({"tag": "a,b"}, "tag", "A tag must have 1 to 40 visible characters and no comma, not 'a,b'."),
        (
            {"topics": ("runs_long",)},
            "seconds",
            "Enter a period from 10 seconds to a year, such as 30m or 2h.",
        ),
        ({"topics": ("runs_long",), "seconds": 9}, "seconds", "Enter a period"),
        (
            {"topics": ("not_done",), "type": "letter"},
            "due_time",
            "Enter the time by which it should be done, such as 08:30.",
        ),
        ({"topics": ("not_done",), "due_time": "08:30"}, "type", "Choose the job type that should be done."),
        ({"quiet_from": "22:00"}, "quiet_from", "Quiet hours need a beginning and an end."),
        ({"quiet_from": "22:00", "quiet_until": "25:00"}, "quiet_until", "Enter a time such as 22:00."),
        ({"zone": "Atlantis"}, "zone", "Unknown time zone. Type a city from the list, such as Madrid."),
        ({"channel": "pigeon"}, "channel", "Choose one of the options."),
        ({"recipients": ("bea@example.org",)}, "recipients", "Your own rules send to the address of your account."),
    ],
)
def test_what_cannot_work_is_refused_with_a_sentence(office, user, change, field, sentence):
    assert problems(office.form(user), replace(MAIL, **change))[field].startswith(sentence)


def test_a_missing_period_is_not_looked_for_among_all_periods(office, user, monkeypatch):
    class Periods:
        def __contains__(self, seconds):
            assert isinstance(seconds, int)
            return True

    monkeypatch.setattr(rule_form, "SECONDS", Periods())
    assert "seconds" in problems(office.form(user), replace(MAIL, topics=("runs_long",)))
    assert office.form(user).checked(replace(MAIL, topics=("runs_long",), seconds=60)).seconds == 60


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("", "Enter the complete address"),
        ("example.org", "Enter the complete address"),
        ("ftp://example.org", "Enter the complete address"),
        ("https://", "Enter the complete address"),
        ("https://exa mple.org/a b", "An address cannot contain spaces."),
        ("https://example.org:99999/", "Enter the complete address"),
        ("https://user:password@example.org/", "An address cannot contain a user name or password."),
        ("https://10.0.0.1/", "10.0.0.1 is not a public address."),
        ("https://[::1]/", "::1 is not a public address."),
        ("https://169.254.169.254/latest/meta-data", "169.254.169.254 is not a public address."),
        ("https://example.org/\r\nX-Header: 1", "An address cannot contain spaces."),
    ],
)
def test_an_address_of_a_webhook_must_be_complete_and_public(office, user, address, sentence):
    assert problems(office.form(user), replace(HOOK, address=address))["address"].startswith(sentence)


def test_plain_http_needs_the_setting_for_private_networks(office, user):
    form = office.form(user)
    strict = replace(form, settings=form.settings.model_copy(update={"notify_networks": ""}))
    draft = replace(HOOK, address="http://example.org/")
    assert problems(strict, draft)["address"].startswith("Use https")
    assert form.checked(draft).address == draft.address


@pytest.mark.parametrize("address", ["", "slack", "syslog://", "mailto://a:b@example.org", "dbus://", "exec://rm"])
def test_chats_that_do_more_than_http_are_refused(office, user, address):
    assert problems(office.form(user), replace(HOOK, channel="chat", address=address))["address"]


def test_a_chat_address_cannot_name_a_file_to_send(office, user):
    address = "tgram://123456789:abcdefg_hijklmnop/12315544/?template=/etc/passwd"
    found = problems(office.form(user), replace(HOOK, channel="chat", address=address))["address"]
    assert found == "The option template cannot be part of the address of a chat."


def test_mail_needs_a_server_and_an_address(office, user, person):
    form = office.form(user)
    without = replace(form, settings=form.settings.model_copy(update={"smtp_url": ""}))
    assert "mail" not in without.channels()
    assert "DESKJOB_SMTP_URL" in problems(without, MAIL)["channel"]
    assert "no email address" in problems(office.form(person("bea")), MAIL)["recipients"]


@pytest.mark.parametrize(
    "recipients", [(), ("bogus",), ("a@example.org\nBcc: b@example.org",), ("a@b.de",) * 2 + ("x",)]
)
def test_recipients_of_the_installation_are_addresses(office, recipients):
    assert problems(office.form(None), replace(TEAM, recipients=recipients))["recipients"]


def test_a_good_draft_is_tidied(office, user):
    draft = replace(MAIL, name=" Failures\u200b ", topics=("failed", "finished", "failed"), zone="berlin")
    checked = office.form(user).checked(draft)
    assert (checked.name, checked.topics, checked.zone) == ("Failures", ("finished", "failed"), "Europe/Berlin")
    assert office.form(None).checked(replace(TEAM, recipients=("team@EXAMPLE.org", "team@EXAMPLE.org"))).recipients == (
        "team@example.org",
    )


def test_only_the_part_of_an_address_that_is_not_secret_is_shown():
    assert (
        shown_address(replace(HOOK, address="https://hooks.example.org/T0/secret?x=1")) == "https://hooks.example.org/…"
    )
    assert shown_address(replace(HOOK, channel="chat", address="slack://secret/token")) == "slack://…"
    assert shown_address(MAIL) == ""
