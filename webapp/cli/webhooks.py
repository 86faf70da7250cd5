"""webhook add, list, rotate, disable, enable, delete, log and retry."""

from __future__ import annotations

import json
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from webapp.accounts.audit_log import AuditAction, AuditTarget
from webapp.cli.audit_log import audited, record
from webapp.cli.command_group import BadUsage, Failed, loaded
from webapp.cli.context import is_remote, services
from webapp.cli.output import as_dict, as_json, readable
from webapp.cli.parameters import in_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webapp.inbound.message_log import WebhookMessage
    from webapp.inbound.webhook import Webhook

SCHEMES = ("standard", "github", "header")  # those of `inbound.signature`
_TARGET = AuditTarget.WEBHOOK
_MOST_MESSAGES = 1000


@click.command()
@click.argument("name")
@click.option("--type", "type_name", required=True, help="A job type that allows webhooks.")
@click.option("--as", "account", required=True, metavar="USER", help="The account that owns the jobs.")
@click.option("--scheme", type=click.Choice(SCHEMES), default="standard", show_default=True, help="How it is signed.")
@click.option("--header", default="", help="The header with the secret, for the scheme header.")
@click.option("--mapping", default="{}", metavar="JSON", help="Maps fields to paths in the message.")
@click.option("--id-path", default="", help="The path of the id of a message, such as /event/id.")
@in_json
def add(name: str, type_name: str, account: str, mapping: str, *, in_json: bool, **chosen: Any) -> None:
    """Create a webhook, and print its secret. It is shown only once."""
    from webapp.inbound.webhook import WebhookDraft
    from webapp.strict_json import BadJson, parse_json

    try:
        draft = WebhookDraft(name=name, type=type_name, account=account, mapping=parse_json(mapping), **chosen)
    except BadJson as error:
        raise BadUsage(f"--mapping: {error}") from None
    after = {"type": draft.type, "account": draft.account, "scheme": draft.scheme}
    with _translated(), audited(AuditAction.WEBHOOK_ADD, _TARGET, name[:80], name=name[:200], after=after):
        webhook, secret = services().webhooks.add(draft)
    _show_secret(webhook, secret, in_json=in_json)


@click.command("list")
@in_json
def show_all(*, in_json: bool) -> None:
    """List the webhooks."""
    found = services().webhooks.all()
    if in_json:
        click.echo(as_json([_as_dict(webhook) for webhook in found]))
    for webhook in () if in_json else found:
        state = "disabled" if webhook.disabled_at else "active"
        click.echo(readable(f"{webhook.id}  {state:<8}  {webhook.scheme:<8}  {webhook.type:<24}  {webhook.name}"))


@click.command()
@click.argument("reference", metavar="WEBHOOK")
@click.option("--overlap", type=click.IntRange(0, 168), default=24, show_default=True, metavar="HOURS",
              help="How long the old secret still works.")  # fmt: skip
@in_json
def rotate(reference: str, overlap: int, *, in_json: bool) -> None:
    """Replace the secret of a webhook, and print the new one. It is shown only once. WEBHOOK is a name or an ID."""
    webhook, period = _find(reference), timedelta(hours=overlap)
    after = {"old_secret_works_for": str(period)}
    with audited(AuditAction.WEBHOOK_ROTATE, _TARGET, webhook.id, name=webhook.name, after=after):
        secret = services().webhooks.rotate(webhook.id, overlap=period)
    _show_secret(services().webhooks.get(webhook.id), secret, in_json=in_json)


@click.command()
@click.argument("reference", metavar="WEBHOOK")
@in_json
def disable(reference: str, *, in_json: bool) -> None:
    """Refuse further messages of a webhook."""
    _set_disabled(reference, disabled=True, in_json=in_json)


@click.command()
@click.argument("reference", metavar="WEBHOOK")
@in_json
def enable(reference: str, *, in_json: bool) -> None:
    """Accept the messages of a webhook again."""
    _set_disabled(reference, disabled=False, in_json=in_json)


@click.command()
@click.argument("reference", metavar="WEBHOOK")
def delete(reference: str) -> None:
    """Delete a webhook with its log. Its jobs are kept."""
    webhook = _find(reference)
    before = {"type": webhook.type, "scheme": str(webhook.scheme)}
    with audited(AuditAction.WEBHOOK_REMOVE, _TARGET, webhook.id, name=webhook.name, before=before):
        services().webhooks.remove(webhook.id)
    click.echo(readable(f"{webhook.name} is deleted."))


@click.command()
@click.argument("reference", metavar="WEBHOOK")
@click.option("--limit", type=click.IntRange(1, _MOST_MESSAGES), default=50, show_default=True)
@in_json
def log(reference: str, limit: int, *, in_json: bool) -> None:
    """Show the messages of a webhook and their responses. The newest come first."""
    found = services().webhook_messages.of(_find(reference).id, limit)
    if in_json:
        click.echo(as_json([as_dict(each) for each in found]))
    for each in () if in_json else found:
        click.echo(readable(_line(each)))


@click.command()
@click.argument("reference", metavar="WEBHOOK")
@click.argument("message", type=int)
@in_json
def retry(reference: str, message: int, *, in_json: bool) -> None:
    """Retry an authentic message that started no job. `webhook log` has its number."""
    webhook = _find(reference)
    received = _find_message(webhook, message)
    if not received.can_retry:
        raise Failed("Only an authentic message that started no job can be retried.")
    answer = services().reception.try_again(received)
    after = {"message": received.id, "status": answer.status}
    record(AuditAction.WEBHOOK_RETRY, _TARGET, webhook.id, name=webhook.name, after=after)
    tried = _find_message(webhook, message)
    if tried.job_id is None:
        raise Failed(readable(tried.detail))
    click.echo(as_json(as_dict(tried)) if in_json else tried.job_id)


@contextmanager
def _translated() -> Iterator[None]:
    from webapp.inbound.webhook import InvalidWebhook

    try:
        yield
    except InvalidWebhook as error:
        raise BadUsage(readable(error)) from None


def _find(reference: str) -> Webhook:
    from webapp.inbound.webhook import WebhookNotFound

    try:
        return services().webhooks.find(reference)
    except WebhookNotFound as error:
        raise BadUsage(f"{error} See `deskjob webhook list`.") from None


def _find_message(webhook: Webhook, number: int) -> WebhookMessage:
    try:
        return services().webhook_messages.get(webhook.id, number)
    except _unknown_message():
        raise BadUsage(f"There is no message {number} of this webhook. See `deskjob webhook log`.") from None


def _unknown_message() -> tuple[type[Exception], ...]:
    return (OverflowError, *loaded("webapp.inbound.message_log", "WebhookMessageNotFound"))


def _set_disabled(reference: str, *, disabled: bool, in_json: bool) -> None:
    webhook = _find(reference)
    action = AuditAction.WEBHOOK_DISABLE if disabled else AuditAction.WEBHOOK_ENABLE
    with audited(action, _TARGET, webhook.id, name=webhook.name):
        services().webhooks.set_disabled(webhook.id, disabled=disabled)
    changed = services().webhooks.get(webhook.id)
    state = "now refuses messages" if disabled else "accepts messages again"
    click.echo(as_json(_as_dict(changed)) if in_json else readable(f"{changed.name} {state}."))


def _show_secret(webhook: Webhook, secret: str, *, in_json: bool) -> None:
    if in_json:
        click.echo(as_json({**_as_dict(webhook), "secret": secret}))
        return
    click.echo(secret)
    click.echo(f"This secret is shown only once. Messages are sent to {_address(webhook)}.", err=True)


def _address(webhook: Webhook) -> str:
    if is_remote():
        return str(vars(webhook)["address"])
    return f"{services().settings.public_url.rstrip('/')}/api/v1/hooks/{webhook.id}"


def _as_dict(webhook: Webhook) -> dict[str, Any]:
    known = {name: value for name, value in as_dict(webhook).items() if name != "address"}
    return {**known, "mapping": json.loads(json.dumps(dict(webhook.mapping))), "address": _address(webhook)}


def _line(received: WebhookMessage) -> str:
    result = f"job {received.job_id} " if received.job_id else ""
    return f"{received.id:>6}  {received.at:%Y-%m-%d %H:%M:%S}  {received.status}  {result}{received.detail}"
