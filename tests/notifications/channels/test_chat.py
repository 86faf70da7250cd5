import sys
from contextlib import suppress
from datetime import UTC, datetime

import pytest

from webapp.notifications.channels import chat
from webapp.notifications.channels.delivery_errors import NotDelivered, Undeliverable
from webapp.notifications.channels.message import Message
from webapp.notifications.channels.public_address import parse_networks


def test_a_message_reaches_a_chat(office, user, receiver):
    address = receiver.url.replace("http://", "json://")
    office.rule(user, "finished", channel="chat", address=address)
    office.write(user)
    office.write(user)
    assert office.send() == 1
    [document] = receiver.documents()
    assert document["title"] == "Deskjob: 2 jobs are done."
    assert "https://jobs.example.org/office/jobs/" in document["message"]
    assert office.log()[0].status == "delivered"
    assert office.log()[0].shown_address == "json://…"


def test_a_chat_at_a_private_address_is_refused_with_its_reason(office, user, receiver, services):
    address = receiver.url.replace("http://", "json://")
    office.rule(user, "finished", channel="chat", address=address)
    services.messenger._settings = services.settings.model_copy(update={"notify_networks": ""})
    office.write(user)
    office.send()
    [delivery] = office.log()
    assert delivery.status == "failed"
    assert delivery.error.startswith("127.0.0.1 is not a public address.")
    assert receiver.requests == []


def test_a_redirect_to_a_private_address_is_refused(office, user, receiver, services):
    receiver.status, receiver.headers = 307, {"Location": "http://10.255.255.1/"}
    office.rule(user, "finished", channel="chat", address=receiver.url.replace("http://", "json://"))
    office.write(user)
    office.send()
    assert office.log()[0].error.startswith("10.255.255.1 is not a public address.")


def test_an_unreachable_chat_service_is_retried(office, user, receiver):
    receiver.status = 503
    office.rule(user, "finished", channel="chat", address=receiver.url.replace("http://", "json://"))
    office.write(user)
    office.send()
    [delivery] = office.log()
    assert (delivery.status, delivery.error) == ("queued", "The chat service did not accept the message.")


def test_a_stored_address_of_several_chats_or_with_a_file_is_not_used(receiver):
    first = receiver.url.replace("http://", "json://")
    networks = parse_networks("127.0.0.1")
    message = Message(subject="Deskjob: a test", text="", html="", at=datetime.now(UTC))
    for address in (f"{first}?template=/etc/passwd", f"ntfy://{first[7:]}?attach=/etc/passwd"):
        with pytest.raises(Undeliverable, match="cannot be part of the address"):
            chat.send(address, message, networks)
    with suppress(NotDelivered, Undeliverable):
        chat.send(f"{first},{first}", message, networks)
    assert len(receiver.requests) < 2


def test_a_chat_without_the_extra_says_what_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(Undeliverable, match="which is not installed"):
        chat.send("json://127.0.0.1", None)
