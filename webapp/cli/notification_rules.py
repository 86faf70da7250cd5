"""notifications list, add, switch, test, remove, log and send-again."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from webapp.accounts.audit_log import AuditAction, AuditTarget
from webapp.cli.audit_log import audited
from webapp.cli.command_group import BadUsage, Failed, loaded
from webapp.cli.context import services
from webapp.cli.output import as_dict, as_json, readable
from webapp.cli.parameters import PERIOD, in_json

if TYPE_CHECKING:
    from datetime import timedelta

    from webapp.accounts.user import User
    from webapp.notifications.delivery_log import Delivery
    from webapp.notifications.rule import NotificationRule

TOPICS = (  # those of `notifications.rule`, which imports the database
    *("finished", "failed", "runs_long", "not_done", "schedule_missed"),
    *("queue_waits", "no_worker", "new_error"),
)
STATUSES = ("collecting", "queued", "delivered", "failed")
_as_user = click.option(
    "--as", "person", metavar="USER", help="Rules of this user. Default: those of the installation."
)


@click.command("list")
@_as_user
@in_json
def show_all(person: str | None, *, in_json: bool) -> None:
    """List the notification rules of the installation, or of a user."""
    user = _user(person)
    _show(services().notification_rules.of_user(user.id if user else None), in_json=in_json)


@click.command()
@click.argument("name")
@click.option(
    "--on", "topics", required=True, multiple=True, type=click.Choice(TOPICS), help="The event. Can be repeated."
)
@click.option("--mail", "recipients", multiple=True, metavar="ADDRESS", help="Send mail. Can be repeated.")
@click.option("--own-mail", is_flag=True, help="Send mail to the address of the account, with --as.")
@click.option("--webhook", metavar="URL|-", help="Send a signed webhook. - reads the URL from standard input.")
@click.option("--chat", metavar="URL|-", help="Send to a chat, in the form of Apprise. - reads it as above.")
@_as_user
@click.option("--all-jobs", is_flag=True, help="All jobs that the user sees, with --as.")
@click.option("--type", "type_name", default="", metavar="TYPE", help="Only jobs of this type.")
@click.option("--queue", default="", help="Only this queue.")
@click.option("--longer-than", type=PERIOD, help="Report what takes longer than this, such as 30m.")
@click.option("--by", "due_time", default="", metavar="HH:MM", help="When a job should be done.")
@click.option("--quiet", default="", metavar="HH:MM-HH:MM", help="Quiet hours.")
@click.option("--zone", default="", help="Time zone of these times.")
@click.option("--language", default="", metavar="en|de", help="Language of mail and chat.")
@in_json
def add(
    name: str,
    *,
    topics: tuple[str, ...],
    recipients: tuple[str, ...],
    webhook: str | None,
    chat: str | None,
    person: str | None,
    type_name: str,
    longer_than: timedelta | None,
    quiet: str,
    own_mail: bool,
    all_jobs: bool,
    in_json: bool,
    queue: str,
    due_time: str,
    zone: str,
    language: str,
) -> None:
    """Add a notification rule, and print the signing key of a webhook. It is shown only once."""
    from webapp.notifications.rule import InvalidRule, RuleDraft

    channel, address = _channel(recipients, webhook, chat, own_mail=own_mail)
    begin, _, end = quiet.partition("-")
    draft = RuleDraft(
        name=name,
        topics=topics,
        channel=channel,
        address=address,
        recipients=recipients,
        whose="all" if all_jobs else "own",
        type=type_name,
        seconds=int(longer_than.total_seconds()) if longer_than else None,
        quiet_from=begin,
        quiet_until=end,
        queue=queue,
        due_time=due_time,
        zone=zone,
        language=language,
    )
    user = _user(person)
    try:
        checked = services().rule_form(user).checked(draft)
        after = {"channel": channel, "topics": ", ".join(topics)}
        with audited(AuditAction.RULE_ADD, AuditTarget.RULE, name=name, after=after):
            rule, key = services().notification_rules.add(checked, user_id=user.id if user else None)
    except InvalidRule as error:
        raise BadUsage(str(error)) from None
    if in_json:
        click.echo(as_json({**_as_dict(rule), "signing_key": key or None}))
        return
    click.echo(readable(_line(rule)))
    if key:
        click.echo(key)
        click.echo("This signing key is shown only once.", err=True)


@click.command()
@click.argument("rule", metavar="RULE")
@click.argument("state", type=click.Choice(["on", "off"]))
@in_json
def switch(rule: str, state: str, *, in_json: bool) -> None:
    """Switch a notification rule on or off, given by its ID."""
    found, after = _find(rule), {"enabled": state == "on"}
    with audited(AuditAction.RULE_SWITCH, AuditTarget.RULE, found.id, name=found.name, after=after):
        switched = services().notification_rules.set_enabled(found.id, enabled=state == "on")
    _show((switched,), in_json=in_json)


@click.command()
@click.argument("rule", metavar="RULE")
def remove(rule: str) -> None:
    """Delete a notification rule, given by its ID. The messages that it has sent stay in the log."""
    found = _find(rule)
    with audited(AuditAction.RULE_REMOVE, AuditTarget.RULE, found.id, name=found.name):
        services().notification_rules.delete(found.id)
    click.echo(f"The rule {readable(found.name)} was deleted.", err=True)


@click.command()
@click.argument("rule", metavar="RULE")
@in_json
def test(rule: str, *, in_json: bool) -> None:
    """Send a test message by a rule, given by its ID. The log shows whether it arrives."""
    found = _find(rule)
    with audited(AuditAction.RULE_TEST, AuditTarget.RULE, found.id, name=found.name):
        delivery_id = services().delivery_log.add_test(found)
    _send(delivery_id, in_json=in_json)


@click.command()
@_as_user
@click.option("--status", default="", type=click.Choice(["", *STATUSES]), help="Only messages with this status.")
@click.option("--limit", default=50, type=click.IntRange(1, 100_000), show_default=True, help="Number of messages.")
@in_json
def log(person: str | None, status: str, limit: int, *, in_json: bool) -> None:
    """List deliveries, newest first: of all rules, or of a user's own."""
    deliveries, user = services().delivery_log, _user(person)
    if user is None:
        found = deliveries.all(status=status, limit=limit)
    else:
        found = deliveries.of_user(user.id, status=status, limit=limit)
    if in_json:
        click.echo(as_json(list(map(as_dict, found))))
    for delivery in () if in_json else found:
        click.echo(readable(_log_line(delivery)))


@click.command("send-again")
@click.argument("delivery", metavar="ID", type=click.UUID)
@in_json
def send_again(delivery: UUID, *, in_json: bool) -> None:
    """Send a message again, whether or not it arrived. `notifications log` shows its ID."""
    try:
        found = services().delivery_log.get(delivery)
        with audited(AuditAction.MESSAGE_REDELIVER, AuditTarget.RULE, found.rule_id or "", name=found.rule_name):
            services().delivery_log.queue_again(delivery)
    except loaded("webapp.notifications.delivery_log", "DeliveryNotFound", "NotRedeliverable") as error:
        raise Failed(str(error)) from None
    _send(delivery, in_json=in_json)


def _channel(recipients: tuple[str, ...], webhook: str | None, chat: str | None, *, own_mail: bool) -> tuple[str, str]:
    """Return the channel and its address."""
    chosen = {"mail": bool(recipients) or own_mail, "webhook": bool(webhook), "chat": bool(chat)}
    names = [name for name, is_chosen in chosen.items() if is_chosen]
    if len(names) != 1:
        raise BadUsage("Choose one of --mail, --own-mail, --webhook and --chat.")
    address = webhook or chat or ""
    if address == "-":
        address = sys.stdin.readline().strip()
    return names[0], address


def _user(person: str | None) -> User | None:
    if person is None:
        return None
    user = services().accounts.by_name(person)
    if user is None:
        raise BadUsage(f"There is no account named {person}. See `deskjob user list`.")
    return user


def _find(reference: str) -> NotificationRule:
    try:
        return services().notification_rules.get(UUID(reference))
    except _unknown_rule():
        raise BadUsage(f"There is no notification rule {reference}. See `deskjob notifications list`.") from None


def _unknown_rule() -> tuple[type[Exception], ...]:
    return (ValueError, *loaded("webapp.notifications.rules", "RuleNotFound"))


def _send(delivery_id: UUID, *, in_json: bool) -> None:
    services().notification_watch.send(services().delivery_log.get(delivery_id))
    sent = services().delivery_log.get(delivery_id)
    click.echo(as_json(as_dict(sent)) if in_json else readable(_log_line(sent)))


def _show(rules: tuple[NotificationRule, ...], *, in_json: bool) -> None:
    if in_json:
        click.echo(as_json(list(map(_as_dict, rules))))
    for rule in () if in_json else rules:
        click.echo(readable(_line(rule)))


def _as_dict(rule: NotificationRule) -> dict[str, Any]:
    return {**as_dict(rule), "topics": _topics(rule), "recipients": list(rule.recipients)}


def _topics(rule: NotificationRule) -> list[str]:
    return [topic for topic in TOPICS if topic in rule.topics]


def _line(rule: NotificationRule) -> str:
    state = "on" if rule.enabled else "off"
    target = ", ".join(rule.recipients) or rule.shown_address
    return f"{rule.id}  {state:<3}  {rule.channel:<7}  {rule.name}: {', '.join(_topics(rule))}  {target}".rstrip()


def _log_line(delivery: Delivery) -> str:
    number = delivery.event_count
    is_test = delivery.facts[0]["topic"] == "test"
    events = "test" if is_test else "1 event" if number == 1 else f"{number} events"
    line = f"{delivery.id}  {delivery.status:<10}  {delivery.channel:<7}  {delivery.rule_name}: {events}"
    return f"{line}  {delivery.error}".rstrip()
