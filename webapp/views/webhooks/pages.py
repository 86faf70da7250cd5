"""The pages of webhooks: list, create, show with its messages, and the actions of admins."""

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_limiter import RateLimitExceeded

from webapp.accounts.permissions import Right
from webapp.accounts.user import User
from webapp.inbound.message_log import WebhookMessage, WebhookMessageNotFound
from webapp.inbound.signature import DEFAULT_HEADER, Scheme
from webapp.inbound.webhook import InvalidWebhook, Webhook, WebhookDraft, WebhookNotFound
from webapp.inbound.webhooks import old_secret_works
from webapp.strict_json import BadJson, parse_json
from webapp.views.page.confirmation import Confirmation, render_confirmation
from webapp.views.page.permissions import may, require, require_for_all
from webapp.views.page.request import services
from webapp.views.page.viewer_context import ViewerContext, viewer_context
from webapp.views.security import login_throttle, reauthentication
from webapp.views.security.one_time_secret import remember_one_time_secret, take_one_time_secret
from webapp.views.text.date_format import FormattedTime
from webapp.views.text.number_format import number, size
from webapp.views.text.status_labels import StatusLabel
from webapp.views.text.stored_messages import translated
from webapp.views.text.translations import gettext as _
from webapp.views.webhooks import actions

bp = Blueprint("webhooks", __name__, url_prefix="/admin/webhooks")
require_for_all(bp, Right.SEE_INSTALLATION)
OVERLAPS = (0, 1, 24, 168)  # hours that the old secret works
_USUAL_OVERLAP = 24
_SHOWN = 50  # messages
_EXAMPLE = '{"format": {"value": "csv"}, "customer": "/data/customer/id"}'
_PROOFS = {Scheme.STANDARD: "Standard Webhooks", Scheme.GITHUB: "X-Hub-Signature-256"}


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookView:
    """A webhook for display."""

    webhook: Webhook
    look: StatusLabel
    account: User | None
    messages: int
    refused: int
    last: FormattedTime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookMessageView:
    """A message for display."""

    received: WebhookMessage
    look: StatusLabel
    at: FormattedTime
    body: str


@bp.get("")
def index() -> ResponseReturnValue:
    """List the webhooks, with the form of a new one."""
    return _list_page({})


@bp.post("")
@require(Right.CHANGE_WEBHOOKS)
def add() -> ResponseReturnValue:
    """Create a webhook; its page shows the secret once."""
    if sentence := reauthentication.own_password_error():
        return _list_page({}, own_error=sentence), 422
    try:
        webhook, secret = actions.add_webhook(_draft())
    except InvalidWebhook as error:
        return _list_page(error.errors), 422
    remember_one_time_secret(_secret_name(webhook), secret)
    return redirect(url_for("webhooks.show", webhook_id=webhook.id), 303)


@bp.get("/<uuid:webhook_id>")
def show(webhook_id: UUID) -> ResponseReturnValue:
    """Show a webhook, how to send to it, and its messages."""
    webhook, context = _find(webhook_id), viewer_context()
    return render_template(
        "webhooks/show.html",
        view=_view(webhook, context),
        proof=_PROOFS.get(webhook.scheme, webhook.header),
        type_title=translated(services().registry.title_of(webhook.type)),
        limits=_(
            "%(size)s, %(count)s messages per minute", size=size(webhook.max_bytes), count=number(webhook.per_minute)
        ),
        address=actions.address_of(webhook),
        mapping=json.dumps(webhook.mapping, indent=2, ensure_ascii=False) if webhook.mapping else "",
        old_until=context.time(webhook.old_secret_until)
        if webhook.old_secret_until and old_secret_works(webhook, context.now)
        else None,
        messages=[_message_view(each, context) for each in services().webhook_messages.of(webhook.id, _SHOWN)],
        new_secret=take_one_time_secret(_secret_name(webhook)),
    )


@bp.route("/<uuid:webhook_id>/rotate", methods=["GET", "POST"])
@require(Right.CHANGE_WEBHOOKS)
def rotate(webhook_id: UUID) -> ResponseReturnValue:
    """Ask for the admin's own password and how long the old secret works, then replace it."""
    webhook = _find(webhook_id)
    if request.method != "POST":
        return _rotate_page(webhook)
    hours = request.form.get("overlap", "")
    if hours not in map(str, OVERLAPS):
        abort(422)
    if sentence := reauthentication.own_password_error():
        return _rotate_page(webhook, sentence), 422
    remember_one_time_secret(_secret_name(webhook), actions.rotate_secret(webhook, timedelta(hours=int(hours))))
    return redirect(url_for("webhooks.show", webhook_id=webhook.id), 303)


@bp.post("/<uuid:webhook_id>/disable")
@require(Right.CHANGE_WEBHOOKS)
def disable(webhook_id: UUID) -> ResponseReturnValue:
    """Refuse further messages."""
    return _set_disabled(webhook_id, disabled=True)


@bp.post("/<uuid:webhook_id>/enable")
@require(Right.CHANGE_WEBHOOKS)
def enable(webhook_id: UUID) -> ResponseReturnValue:
    """Accept messages again."""
    return _set_disabled(webhook_id, disabled=False)


@bp.route("/<uuid:webhook_id>/delete", methods=["GET", "POST"])
@require(Right.CHANGE_WEBHOOKS)
def remove(webhook_id: UUID) -> ResponseReturnValue:
    """Ask for confirmation, then delete a webhook."""
    webhook = _find(webhook_id)
    if request.method != "POST":
        return render_confirmation(_removal(webhook))
    actions.remove_webhook(webhook)
    flash(_("The webhook %(name)s was deleted.", name=webhook.name))
    return redirect(url_for("webhooks.index"), 303)


@bp.post("/<uuid:webhook_id>/messages/<int:message_id>/retry")
@require(Right.CHANGE_WEBHOOKS)
def retry(webhook_id: UUID, message_id: int) -> ResponseReturnValue:
    """Process a message again."""
    webhook = _find(webhook_id)
    try:
        received = services().webhook_messages.get(webhook.id, message_id)
    except (WebhookMessageNotFound, OverflowError):
        abort(404)
    answer = actions.try_again(webhook, received)
    flash(
        _("The message has started its job.")
        if answer.job_id
        else _("It was refused again: %(why)s", why=translated(answer.detail))
    )
    return redirect(url_for("webhooks.show", webhook_id=webhook.id), 303)


@bp.errorhandler(RateLimitExceeded)
def too_many_attempts(_error: RateLimitExceeded) -> ResponseReturnValue:
    """Show how long to wait before the next password."""
    seconds = login_throttle.seconds_to_wait()
    sentence, webhook_id = login_throttle.wait_message(seconds), (request.view_args or {}).get("webhook_id")
    page = _rotate_page(_find(webhook_id), sentence) if webhook_id else _list_page({}, own_error=sentence)
    return page, 429, {"Retry-After": str(seconds)}


def _set_disabled(webhook_id: UUID, *, disabled: bool) -> ResponseReturnValue:
    webhook = _find(webhook_id)
    actions.set_disabled(webhook, disabled=disabled)
    flash(_("%(name)s now refuses messages.", name=webhook.name) if disabled else
          _("%(name)s accepts messages again.", name=webhook.name))  # fmt: skip
    return redirect(url_for("webhooks.show", webhook_id=webhook.id), 303)


def _find(webhook_id: UUID) -> Webhook:
    try:
        return services().webhooks.get(webhook_id)
    except WebhookNotFound:
        abort(404)


def _draft() -> WebhookDraft:
    """Return what was typed; raise `InvalidWebhook` for a mapping that is not JSON."""
    typed, mapping = request.form, request.form.get("mapping", "").strip()
    try:
        parsed: Any = parse_json(mapping) if mapping else {}
    except BadJson as error:
        raise InvalidWebhook({"mapping": str(error)}) from None
    return WebhookDraft(
        name=typed.get("name", ""),
        type=typed.get("type", ""),
        account=typed.get("account", ""),
        scheme=typed.get("scheme", Scheme.STANDARD),
        header=typed.get("header", "").strip(),
        mapping=parsed,
        id_path=typed.get("id_path", "").strip(),
    )


def _list_page(errors: dict[str, str], *, own_error: str = "") -> str:
    context = viewer_context()
    accounts = [user for user in services().accounts.all() if user.active]
    return render_template(
        "webhooks/index.html",
        webhooks=[_view(webhook, context) for webhook in services().webhooks.all()],
        types=services().webhooks.types(),
        accounts=sorted(accounts, key=lambda user: (not user.is_service, user.name)),
        title_of=services().registry.title_of,
        schemes=_scheme_choices(),
        default_header=DEFAULT_HEADER,
        example=_EXAMPLE,
        typed=request.form,
        errors={field: translated(text) for field, text in errors.items()},
        own_error=own_error,
    )


def _view(webhook: Webhook, context: ViewerContext) -> WebhookView:
    count, refused, last = services().webhook_messages.counts().get(webhook.id, (0, 0, None))
    return WebhookView(
        webhook=webhook,
        look=StatusLabel(_("Disabled"), "stopped", "player-stop")
        if webhook.disabled_at
        else StatusLabel(_("Active"), "done", "check"),
        account=services().accounts.get(webhook.account_id),
        messages=count,
        refused=refused,
        last=context.when(last) if last else None,
    )


def _message_view(received: WebhookMessage, context: ViewerContext) -> WebhookMessageView:
    accepted = StatusLabel(str(received.status), "done", "check")
    return WebhookMessageView(
        received=received,
        look=accepted if received.was_accepted else StatusLabel(str(received.status), "failed", "x"),
        at=context.when(received.at),
        body=services().webhook_messages.shown_body(received) if may(Right.CHANGE_WEBHOOKS) else "",
    )


def _scheme_choices() -> tuple[tuple[str, str, str], ...]:
    return (
        (Scheme.STANDARD, "Standard Webhooks", _("Signs id, time and body. Choose it if the sender supports it.")),
        (Scheme.GITHUB, "GitHub (X-Hub-Signature-256)", _("Signs the body.")),
        (Scheme.HEADER, _("Secret in a header"), _("Signs nothing. Only for senders that support nothing else.")),
    )


def _overlap_choices() -> tuple[tuple[int, str], ...]:
    names = {0: _("not at all"), 1: _("for one hour"), 24: _("for one day"), 168: _("for seven days")}
    return tuple((hours, names[hours]) for hours in OVERLAPS)


def _rotate_page(webhook: Webhook, own_error: str = "") -> str:
    chosen = request.form.get("overlap", _USUAL_OVERLAP, type=int)
    words = {"overlaps": _overlap_choices(), "chosen": chosen, "own_error": own_error}
    return render_confirmation(_rotation(webhook), "webhooks/rotate.html", **words)


def _rotation(webhook: Webhook) -> Confirmation:
    return Confirmation(
        title=_("Replace the secret of %(name)s?", name=webhook.name),
        effect=_("You get a new secret for the sender. Until the sender has it, the old one must work."),
        action=_("Replace secret"),
        keep=_("Keep the secret"),
        post=url_for("webhooks.rotate", webhook_id=webhook.id),
        back=url_for("webhooks.show", webhook_id=webhook.id),
        harmful=False,
    )


def _removal(webhook: Webhook) -> Confirmation:
    return Confirmation(
        title=_("Delete the webhook %(name)s?", name=webhook.name),
        effect=_("Its messages are refused from now on, and its log is deleted. Its jobs are kept."),
        action=_("Delete webhook"),
        keep=_("Keep the webhook"),
        post=url_for("webhooks.remove", webhook_id=webhook.id),
        back=url_for("webhooks.show", webhook_id=webhook.id),
    )


def _secret_name(webhook: Webhook) -> str:
    return f"webhook-{webhook.id}"
