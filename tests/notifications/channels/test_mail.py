from datetime import UTC, datetime

import pytest

from webapp.notifications.channels.delivery_errors import NotDelivered
from webapp.notifications.channels.mail import MailServer, build_mail, one_line, send
from webapp.notifications.channels.message import MessageWriter

AT = datetime(2026, 5, 4, 10, tzinfo=UTC)


def message(title):
    fact = {"topic": "failed", "title": title, "detail": "Line 1\r\nBcc: eve@example.org\r\n.\r\n<b>bold</b>"}
    writer = MessageWriter(language="en", public_url="https://jobs.example.org")
    return writer.write([fact], count=1, rule_name="Rule\r\nX-Rule: 1", at=AT, files={})


def test_no_text_can_add_a_header_or_a_recipient(mail_server, inbox):
    built = build_mail(
        message("A\r\nBcc: eve@example.org\r\n\r\nbody"), "deskjob@example.org", ["ana@example.org"], "7"
    )
    send(MailServer.of(f"smtp://127.0.0.1:{mail_server.port}"), built)
    [mail] = inbox.mails
    assert inbox.recipients == [["ana@example.org"]]
    assert mail["Subject"] == "Deskjob: A Bcc: eve@example.org body failed."
    assert (mail["Bcc"], mail["X-Rule"], mail["Message-ID"]) == (None, None, "<7@example.org>")
    assert mail["Auto-Submitted"] == "auto-generated"
    assert "&lt;b&gt;bold" in mail.get_body(("html",)).get_content()
    assert "Line 1" in mail.get_body(("plain",)).get_content()


@pytest.mark.parametrize("text", ["a\nb", "a\r\nb", "a\x0bb", "a\u2028b", "a\x00b"])
def test_a_header_is_one_line(text):
    assert one_line(text) == "a b"


def test_a_long_subject_is_cut():
    assert len(one_line("x" * 500)) == 150


def test_a_password_is_not_sent_without_encryption(mail_server, monkeypatch):
    monkeypatch.setattr("webapp.notifications.channels.mail._is_local", lambda _: False)
    server = MailServer.of(f"smtp://ana:secret%40word@127.0.0.1:{mail_server.port}")
    assert (server.user, server.password) == ("ana", "secret@word")
    with pytest.raises(NotDelivered, match="offers no encryption"):
        send(server, build_mail(message("A"), "deskjob@example.org", ["ana@example.org"], "7"))


def test_ports_follow_the_kind_of_server():
    assert (MailServer.of("smtp://a").port, MailServer.of("smtps://a").port) == (25, 465)
    assert MailServer.of("smtps://a").tls
