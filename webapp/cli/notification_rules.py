"""notifications list, add, edit, switch, test, remove, log and send-again."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

import click

from webapp.accounts.audit_log import AuditAction, AuditTarget
from webapp.cli.audit_log import audited
from webapp.cli.command_group import BadUsage, Failed, loaded
from webapp.cli.context import services
from webapp.cli.output import as_dict, as_json, readable
from webapp.cli.parameters import PERIOD, in_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from webapp.accounts.user import User
    from webapp.notifications.delivery_log import Delivery
    from webapp.notifications.rule import NotificationRule

TOPICS = (  # those of `notifications.rule`, which imports the database
    *("finished", "failed", "runs_long", "not_done", "schedule_missed"),
    *("queue_waits", "no_worker", "new_error", "needs_approval", "needs_answer"),
)
STATUSES = ("collecting", "queued", "delivered", "failed")
F = TypeVar("F", bound="Callable[..., Any]")
_WHOSE = {None: None, True: "all", False: "own"}
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


def _choices(command: F) -> F:
    """Add the options of what can be chosen for a new rule and changed later."""
    options = (
        click.option("--mail", "recipients", multiple=True, metavar="ADDRESS", help="Send mail. Can be repeated."),
        click.option("--webhook", metavar="URL|-", help="Send a signed webhook. - reads the URL from standard input."),
        click.option("--chat", metavar="URL|-", help="Send to a chat, in the form of Apprise. - reads it as above."),
        click.option("--type", "type_name", metavar="TYPE|none", help="Only jobs of this type."),
        click.option("--queue", metavar="NAME|none", help="Only this queue."),
        click.option("--tag", metavar="TAG|none", help="Only jobs with this tag."),
        click.option("--owner", metavar="USER|none", help="Only jobs of this user; for rules of the installation."),
        click.option("--longer-than", type=PERIOD, help="Report what takes longer than this, such as 30m."),
        click.option("--by", "due_time", metavar="HH:MM|none", help="When a job should be done."),
        click.option("--quiet", metavar="HH:MM-HH:MM|none", help="Quiet hours."),
        click.option("--zone", help="Time zone of these times."),
        click.option("--language", metavar="en|de", help="Language of mail and chat."),
        in_json,
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.command()
@click.argument("name")
@click.option(
    "--on", "topics", required=True, multiple=True, type=click.Choice(TOPICS), help="The event. Can be repeated."
)
@click.option("--own-mail", is_flag=True, help="Send mail to the address of the account, with --as.")
@_as_user
@click.option("--all-jobs", is_flag=True, help="All jobs that the user sees, with --as.")
@_choices
def add(
    name: str,
    topics: tuple[str, ...],
    person: str | None,
    *,
    own_mail: bool,
    all_jobs: bool,
    in_json: bool,
    **options: Any,
) -> None:
    """Add a notification rule, and print the signing key of a webhook. It is shown only once."""
    from webapp.notifications.rule import InvalidRule, RuleDraft

    channels = _channels(options, own_mail=own_mail)
    if len(channels) != 1:
        raise BadUsage("Choose one of --mail, --own-mail, --webhook and --chat.")
    channel, whose = channels[0], "all" if all_jobs else "own"
    draft = RuleDraft(name=name, topics=topics, channel=channel, whose=whose, **_chosen(options))
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
@click.argument("reference", metavar="RULE")
@click.option("--name", help="New name.")
@click.option(
    "--on", "topics", multiple=True, type=click.Choice(TOPICS), help="The events instead of the present ones."
)
@click.option("--all-jobs/--own-jobs", default=None, help="All jobs that its user sees, or only their own.")
@_choices
def edit(
    reference: str, name: str | None, topics: tuple[str, ...], *, all_jobs: bool | None, in_json: bool, **options: Any
) -> None:
    """Change a notification rule, given by its ID. What is not given stays, and so does the channel."""
    from webapp.notifications.rule import InvalidRule

    rule, changes = _find(reference), _chosen(options)
    given = {"name": name, "topics": topics or None, "whose": _WHOSE[all_jobs]}
    changes |= {field: value for field, value in given.items() if value is not None}
    if not changes:
        raise BadUsage("Nothing to change. Use at least one option.")
    if not set(_channels(options)) <= {rule.channel}:
        raise BadUsage(f"This rule uses {rule.channel}, which cannot change. Add another rule.")
    try:
        checked = services().rule_form(_user_of(rule)).changed(rule, changes)
        states = {"before": {"topics": ", ".join(_topics(rule))}, "after": {"changed": ", ".join(sorted(changes))}}
        with audited(AuditAction.RULE_CHANGE, AuditTarget.RULE, rule.id, name=rule.name, **states):
            changed = services().notification_rules.change(rule.id, checked)
    except InvalidRule as error:
        raise BadUsage(str(error)) from None
    _show((changed,), in_json=in_json)


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


def _chosen(options: dict[str, Any]) -> dict[str, Any]:
    """Return what options choose, by the fields of a rule, without what was not given; "none" clears a field."""
    found: dict[str, Any] = {"type": _cleared(options["type_name"]), "queue": _cleared(options["queue"])}
    found["tag"] = _cleared(options["tag"])
    found |= {"due_time": _cleared(options["due_time"]), "zone": options["zone"], "language": options["language"]}
    if (quiet := _cleared(options["quiet"])) is not None:
        found["quiet_from"], _, found["quiet_until"] = quiet.partition("-")
    if options["longer_than"]:
        found["seconds"] = int(options["longer_than"].total_seconds())
    if options["recipients"]:
        found["recipients"] = options["recipients"]
    if address := options["webhook"] or options["chat"]:
        found["address"] = sys.stdin.readline().strip() if address == "-" else address
    chosen = {field: value for field, value in found.items() if value is not None}
    if options["owner"]:
        owner = _user(_cleared(options["owner"]) or None)
        chosen["owner_id"] = owner.id if owner else None
    return chosen


def _cleared(text: str | None) -> str | None:
    return "" if text == "none" else text


def _channels(options: dict[str, Any], *, own_mail: bool = False) -> list[str]:
    """Return the channels whose options were given."""
    given = {"mail": options["recipients"] or own_mail, "webhook": options["webhook"], "chat": options["chat"]}
    return [name for name, value in given.items() if value]


def _user(person: str | None) -> User | None:
    if person is None:
        return None
    user = services().accounts.by_name(person)
    if user is None:
        raise BadUsage(f"There is no account named {person}. See `deskjob user list`.")
    return user


def _user_of(rule: NotificationRule) -> User | None:
    return services().accounts.get(rule.user_id) if rule.user_id else None


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
