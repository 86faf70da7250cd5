"""Mail by SMTP: one message, text and HTML. No text can add a header or a recipient."""

import smtplib
import ssl
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from urllib.parse import unquote, urlsplit

from webapp.notifications.channels.delivery_errors import NotDelivered, Undeliverable
from webapp.notifications.channels.message import Message

_TIMEOUT = 30.0
_PORTS = {"smtp": 25, "smtps": 465}
_LONGEST_SUBJECT = 150
_PERMANENT = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """A mail server; ``tls`` is used from the start, otherwise as soon as the server offers it."""

    host: str
    port: int
    tls: bool
    user: str
    password: str

    @classmethod
    def of(cls, url: str) -> "MailServer":
        """Read ``smtp://user:password@host:587`` or ``smtps://…``."""
        parts = urlsplit(url)
        return cls(
            host=parts.hostname or "",
            port=parts.port or _PORTS[parts.scheme],
            tls=parts.scheme == "smtps",
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
        )


def build_mail(message: Message, sender: str, recipients: Collection[str], mail_id: str) -> EmailMessage:
    """Return the mail. ``mail_id`` is the same each time it is sent, so that readers see a repeated one once."""
    domain = sender.rpartition("@")[2]
    mail = EmailMessage()
    mail["Subject"] = one_line(message.subject)
    mail["From"] = Address("Deskjob", addr_spec=sender)
    mail["To"] = tuple(Address(addr_spec=address) for address in recipients)
    mail["Date"] = format_datetime(message.at)
    mail["Message-ID"] = f"<{mail_id}@{domain}>" if domain else make_msgid()
    mail["Auto-Submitted"] = "auto-generated"  # so that no absence message answers it
    mail.set_content(message.text)
    mail.add_alternative(message.html, subtype="html")
    return mail


def one_line(text: str) -> str:
    """Return a text as one line of printable characters, as a header needs it."""
    printable = "".join(char if char.isprintable() else " " for char in text)
    line = " ".join(printable.split())
    return line if len(line) <= _LONGEST_SUBJECT else f"{line[: _LONGEST_SUBJECT - 1]}…"


def send(server: MailServer, mail: EmailMessage) -> str:
    """Send a mail and return what the log says. Raises `NotDelivered` or `Undeliverable`."""
    with _answering(server), _connected(server) as smtp:
        refused = smtp.send_message(mail)
    return f"Some addresses were refused: {len(refused)}." if refused else ""


def check(server: MailServer) -> None:
    """Connect and sign in as `send` does, and send nothing. Raises `NotDelivered`."""
    with _answering(server), _connected(server):
        pass


@contextmanager
def _answering(server: MailServer) -> Iterator[None]:
    """Turn what a mail server can answer into `NotDelivered` or `Undeliverable`."""
    try:
        yield
    except smtplib.SMTPRecipientsRefused as error:
        code, said = next(iter(error.recipients.values()))
        failure = Undeliverable if code >= _PERMANENT else NotDelivered
        raise failure(f"The mail server refused the address: {code} {_text(said)}") from None
    except smtplib.SMTPAuthenticationError as error:
        raise NotDelivered(f"The mail server refused the password: {error.smtp_code}.") from None
    except smtplib.SMTPResponseException as error:
        raise NotDelivered(f"The mail server answered {error.smtp_code} {_text(error.smtp_error)}") from None
    except (OSError, smtplib.SMTPException) as error:
        reason = str(getattr(error, "strerror", None) or error).rstrip(".")
        raise NotDelivered(f"The mail server {server.host} cannot be reached: {reason}.") from None


@contextmanager
def _connected(server: MailServer) -> Iterator[smtplib.SMTP]:
    context = ssl.create_default_context()
    if server.tls:
        smtp: smtplib.SMTP = smtplib.SMTP_SSL(server.host, server.port, timeout=_TIMEOUT, context=context)
    else:
        smtp = smtplib.SMTP(server.host, server.port, timeout=_TIMEOUT)
    with smtp:
        smtp.ehlo()
        if not server.tls and smtp.has_extn("starttls"):
            smtp.starttls(context=context)
            smtp.ehlo()
        if server.user:
            if not isinstance(smtp.sock, ssl.SSLSocket) and not _is_local(server.host):
                raise NotDelivered(f"The mail server {server.host} offers no encryption, so no password is sent to it.")
            smtp.login(server.user, server.password)
        yield smtp


def _is_local(host: str) -> bool:
    return host in {"localhost", "127.0.0.1", "::1"}


def _text(reason: bytes | str) -> str:
    return one_line(reason.decode(errors="replace") if isinstance(reason, bytes) else reason)
