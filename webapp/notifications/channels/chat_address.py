"""Which addresses of chats are safe to give to Apprise: one service that uses HTTP, and options that are words.

Apprise reads a text as several addresses if a comma separates them, and some options as names of files to send.
Whoever writes a rule is no admin, so the address is read once, by Apprise, and what it has read is checked.
"""

import warnings
from contextlib import suppress
from importlib import import_module
from typing import Any

# Chat services that use HTTP, so that the guard against private addresses sees them. Others of Apprise start
# programs or send mail, which no user should be able to do
CHAT_SCHEMES = frozenset(
    {
        *("discord", "slack", "workflow", "workflows", "gchat", "tgram", "wxteams", "zulip"),
        *("matrix", "matrixs", "mmost", "mmosts", "rocket", "rockets", "ntfy", "ntfys", "json", "jsons"),
    }
)
# Not among them: what names a file ("template", "attach"), writes files ("store", "e2ee"), or waits ("retry", "rto")
_OPTIONS = frozenset(
    {
        *("auth", "token", "key", "workspace", "team", "to", "channel", "channels", "thread", "topic", "webhook"),
        *("mode", "method", "version", "msgtype", "path", "discovery", "autoverify"),
        *("id", "route", "routeid", "sig", "sp", "sv", "ver", "api-version", "pa", "powerautomate"),
        *("format", "overflow", "verify", "emojis", "tz", "mdv", "detect", "preview", "silent", "content"),
        *("image", "avatar", "avatar_url", "icon_url", "botname", "footer", "footer_logo", "fields", "timestamp"),
        *("href", "url", "click", "email", "priority", "xtags", "tags", "ping", "flags", "tts", "blocks", "wrap"),
    }
)
_INCOMPLETE = "The address of this chat is incomplete. Edit the rule and enter it again."


class UnsafeChat(Exception):
    """Raised for an address that cannot be used; the message says why, without a part of the address."""


def parse_chat_address(address: str) -> dict[str, Any]:
    """Return the parts of an address as Apprise takes them; raise `UnsafeChat`, or ``ImportError`` without Apprise."""
    scheme = address.partition("://")[0].lower()
    if scheme not in CHAT_SCHEMES:
        message = f"Deskjob cannot send to this kind of chat. It knows {_listed()}."
        raise UnsafeChat(message)
    parts: dict[str, Any] | None = None
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):  # of what it loads now
        plugins = import_module("apprise.plugins")
        with suppress(Exception):  # foreign code, which meets what anybody has typed
            parts = plugins.url_to_dict(address)
    if parts is None or parts.get("schema") not in CHAT_SCHEMES:
        raise UnsafeChat(_INCOMPLETE)
    if unknown := sorted(set(parts.get("qsd") or ()) - _OPTIONS):
        message = f"The option {unknown[0][:40]} cannot be part of the address of a chat."
        raise UnsafeChat(message)
    return parts


def _listed() -> str:
    return ", ".join(sorted(CHAT_SCHEMES - {"json", "jsons"}))
