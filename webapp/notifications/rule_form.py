"""Checks what users choose for a rule. Every problem is a sentence, under the name of its field."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

from webapp.accounts.permissions import Right, may
from webapp.accounts.preferences import Language
from webapp.accounts.user import User
from webapp.accounts.validation import BadAccount, valid_email
from webapp.config import Settings
from webapp.jobs.model.tags import InvalidTags, clean_tag, folded
from webapp.notifications.channels.chat_address import UnsafeChat, parse_chat_address
from webapp.notifications.channels.public_address import Network, PrivateAddress, is_allowed, parse_networks
from webapp.notifications.quiet_hours import is_time_of_day
from webapp.notifications.rule import (
    RIGHTS,
    TIMED,
    Channel,
    InvalidRule,
    NotificationRule,
    RuleDraft,
    Topic,
    Whose,
    changed_draft,
)
from webapp.time_zones import find_time_zone
from webapp.visible_text import unreadable_character, without_invisible

NAME_LIMIT = 120
ADDRESS_LIMIT = 1000
MOST_RECIPIENTS = 20
SECONDS = range(10, 366 * 86_400)


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleForm:
    """The choices for rules of one user, or of the installation if there is no ``user``."""

    user: User | None
    settings: Settings
    types: Collection[str]
    queues: Collection[str]

    def topics(self) -> tuple[Topic, ...]:
        """Return what a rule can report."""
        return tuple(topic for topic in Topic if topic not in RIGHTS or self._has(RIGHTS[topic]))

    def channels(self) -> tuple[Channel, ...]:
        """Return the channels that this installation has set up."""
        chat = find_spec("apprise") is not None
        offered = {Channel.MAIL: bool(self.settings.smtp_url), Channel.WEBHOOK: True, Channel.CHAT: chat}
        return tuple(channel for channel in Channel if offered[channel])

    def whose(self) -> tuple[Whose, ...]:
        """Return whose jobs a rule can cover."""
        if self.user is None:
            return (Whose.ALL,)
        return (Whose.OWN, Whose.ALL) if self._has(Right.SEE_ALL_JOBS) else (Whose.OWN,)

    def checked(self, draft: RuleDraft, *, has_address: bool = False) -> RuleDraft:
        """Return the draft as it is stored; raise `InvalidRule`. ``has_address``: it has one already."""
        tidy = replace(
            draft,
            name=without_invisible(draft.name),
            topics=tuple(topic for topic in Topic if topic in draft.topics),
            zone=find_time_zone(draft.zone) or draft.zone if draft.zone else self._zone(),
            recipients=tuple(dict.fromkeys(filter(None, (address.strip() for address in draft.recipients)))),
            address=draft.address.strip(),
            tag=folded(draft.tag),
            whose=draft.whose if self.user else Whose.ALL,
        )
        errors = {field: sentence for field, sentence in self._problems(draft, tidy, has_address) if sentence}
        if errors:
            raise InvalidRule(errors)
        return replace(tidy, recipients=tuple(str(valid_email(address)) for address in tidy.recipients))

    def changed(self, rule: NotificationRule, changes: Mapping[str, Any]) -> RuleDraft:
        """Return a rule with changes as it is stored; raise `InvalidRule`."""
        return self.checked(changed_draft(rule, changes), has_address=True)

    def _problems(self, typed: RuleDraft, tidy: RuleDraft, has_address: bool) -> Iterator[tuple[str, str]]:  # noqa: FBT001
        yield "name", _name_problem(tidy.name)
        yield "topics", self._topics_problem(typed)
        yield "whose", "" if tidy.whose in self.whose() else "You only see your own jobs."
        yield "type", self._type_problem(tidy)
        yield "queue", "" if tidy.queue in {"", *self.queues} else "There is no queue with this name."
        yield "tag", _tag_problem(tidy.tag)
        in_range = tidy.seconds is not None and tidy.seconds in SECONDS  # a range looks at all its numbers for None
        if TIMED & set(tidy.topics) and not in_range:
            yield "seconds", "Enter a period from 10 seconds to a year, such as 30m or 2h."
        if Topic.NOT_DONE in tidy.topics and not is_time_of_day(tidy.due_time):
            yield "due_time", "Enter the time by which it should be done, such as 08:30."
        yield from _quiet_problems(tidy)
        yield (
            "zone",
            "" if find_time_zone(tidy.zone) else "Unknown time zone. Type a city from the list, such as Madrid.",
        )
        yield "language", "" if tidy.language in {"", *Language} else "Choose one of the options."
        yield "channel", "" if tidy.channel in self.channels() else _channel_problem(tidy.channel)
        yield from self._address_problems(tidy, has_address=has_address)

    def _topics_problem(self, draft: RuleDraft) -> str:
        if not draft.topics:
            return "Choose at least one event."
        return "" if set(draft.topics) <= set(self.topics()) else "Choose one of the options."

    def _type_problem(self, draft: RuleDraft) -> str:
        if draft.type and draft.type not in self.types:
            return "There is no job type with this name."
        return "Choose the job type that should be done." if Topic.NOT_DONE in draft.topics and not draft.type else ""

    def _address_problems(self, draft: RuleDraft, *, has_address: bool) -> Iterator[tuple[str, str]]:
        if draft.channel == Channel.MAIL:
            yield "recipients", self._recipients_problem(draft)
        elif draft.address or not has_address:
            check: Callable[[str], str] = self._webhook_problem if draft.channel == Channel.WEBHOOK else _chat_problem
            yield "address", check(draft.address)

    def _recipients_problem(self, draft: RuleDraft) -> str:
        if self.user is not None:
            if draft.recipients:
                return "Your own rules send to the address of your account."
            return "" if self.user.email else "Your account has no email address. An admin can add it."
        if not 0 < len(draft.recipients) <= MOST_RECIPIENTS:
            return f"Enter 1 to {MOST_RECIPIENTS} email addresses."
        return next(
            (f"{address} is not an email address." for address in draft.recipients if not _is_mail(address)), ""
        )

    def _webhook_problem(self, address: str) -> str:
        try:
            parts = urlsplit(address)
            host, _ = parts.hostname, parts.port
        except ValueError:
            host = None
        if not host or parts.scheme not in {"http", "https"} or len(address) > ADDRESS_LIMIT or not address.isascii():
            return "Enter the complete address, such as https://example.org/hook."
        if not address.isprintable() or " " in address:
            return "An address cannot contain spaces."
        if parts.username or parts.password:
            return "An address cannot contain a user name or password."
        networks = parse_networks(self.settings.notify_networks)
        if parts.scheme == "http" and not networks:
            return "Use https, so that nobody else can read the message."
        return _numeric_problem(host, networks)

    def _zone(self) -> str:
        return (self.user.timezone if self.user else "") or self.settings.timezone

    def _has(self, right: Right) -> bool:
        return self.user is None or may(self.user, right)


def shown_address(draft: RuleDraft) -> str:
    """Return the part of an address that is no secret: paths and queries often contain a token."""
    if draft.channel == Channel.MAIL or not draft.address:
        return ""
    parts = urlsplit(draft.address)
    if draft.channel == Channel.CHAT:
        return f"{parts.scheme}://…"
    return f"{parts.scheme}://{parts.netloc}/{'…' if parts.path.strip('/') or parts.query else ''}"


def _tag_problem(tag: str) -> str:
    if tag:
        try:
            clean_tag(tag)
        except InvalidTags as error:
            return str(error)
    return ""


def _name_problem(name: str) -> str:
    if not 0 < len(name) <= NAME_LIMIT or len(name.splitlines()) > 1 or unreadable_character(name):
        return f"A rule needs a name of 1 to {NAME_LIMIT} characters on one line."
    return ""


def _quiet_problems(draft: RuleDraft) -> Iterator[tuple[str, str]]:
    if bool(draft.quiet_from) != bool(draft.quiet_until):
        yield "quiet_from", "Quiet hours need a beginning and an end."
    for field in ("quiet_from", "quiet_until"):
        if (value := getattr(draft, field)) and not is_time_of_day(value):
            yield field, "Enter a time such as 22:00."


def _channel_problem(channel: str) -> str:
    reasons = {
        Channel.MAIL: "This installation has no mail server. An admin can set DESKJOB_SMTP_URL.",
        Channel.CHAT: "Chat needs the extra deskjob[chat], which is not installed.",
    }
    return next((reason for known, reason in reasons.items() if known == channel), "Choose one of the options.")


def _chat_problem(address: str) -> str:
    if "://" not in address or len(address) > ADDRESS_LIMIT or not address.isprintable() or " " in address:
        return "Enter the address of a chat as Apprise writes it, such as slack://token/#channel."
    try:
        parse_chat_address(address)
    except UnsafeChat as error:
        return str(error)
    except ImportError:
        return ""  # the channel itself is refused
    return ""


def _numeric_problem(host: str, networks: Collection[Network]) -> str:
    try:
        allowed = is_allowed(host, networks)
    except ValueError:
        return ""  # a name, which is looked up each time
    return "" if allowed else str(PrivateAddress(host, host))


def _is_mail(address: str) -> bool:
    try:
        return valid_email(address) is not None
    except BadAccount:
        return False
