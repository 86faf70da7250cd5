"""Chat messages by Apprise, an extra: `pip install deskjob[chat]`. Only public addresses are reached."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from importlib import import_module
from socket import socket
from typing import Any

from webapp.notifications.channels.chat_address import UnsafeChat, parse_chat_address
from webapp.notifications.channels.delivery_errors import NotDelivered, Undeliverable
from webapp.notifications.channels.message import Message
from webapp.notifications.channels.public_address import Network, PrivateAddress, connect

_TIMEOUT = 15.0


def send(address: str, message: Message, networks: Collection[Network] = ()) -> None:
    """Send a message to a chat. Raises `NotDelivered` or `Undeliverable`."""
    try:
        apprise = import_module("apprise")
    except ImportError:
        raise Undeliverable("Chat needs the extra deskjob[chat], which is not installed.") from None
    chat = apprise.Apprise()
    try:
        is_known = chat.add(parse_chat_address(address))
    except UnsafeChat as error:  # also of a rule that was stored before its address was checked
        raise Undeliverable(str(error)) from None
    if not is_known:
        raise Undeliverable("The address of this chat is incomplete. Edit the rule and enter it again.")
    with _public_connections(networks) as refused:
        arrived = chat.notify(title=message.subject, body=message.text)
    if refused:
        raise Undeliverable(str(refused[0]))
    if not arrived:
        raise NotDelivered("The chat service did not accept the message.")


@contextmanager
def _public_connections(networks: Collection[Network]) -> Iterator[list[PrivateAddress]]:
    """Let the HTTP library of Apprise connect to allowed addresses only; yield what was refused.

    Its plugins take no connection from outside, and follow redirects, so each connection is checked.
    """
    from unittest.mock import patch  # noqa: PLC0415  (every process would keep its many modules in memory)

    refused: list[PrivateAddress] = []

    def checked(address: tuple[str, int], timeout: Any = None, *_: Any, **__: Any) -> socket:
        host, port = address
        try:
            return connect(host.strip("[]"), port, timeout if isinstance(timeout, int | float) else _TIMEOUT, networks)
        except PrivateAddress as error:
            refused.append(error)
            raise

    with patch.object(import_module("urllib3.util.connection"), "create_connection", checked):
        yield refused
