"""What admins do with webhooks, recorded in the audit log; the pages and the API call it."""

from datetime import timedelta

from webapp.accounts.audit_log import AuditAction, AuditTarget
from webapp.inbound.message_log import WebhookMessage
from webapp.inbound.reception import WebhookAnswer
from webapp.inbound.webhook import Webhook, WebhookDraft
from webapp.views.page.audit_log import audited, record_audit
from webapp.views.page.public_path import absolute_url_of
from webapp.views.page.request import services, signed_in
from webapp.views.webhooks.messages import bp as messages

_TARGET = AuditTarget.WEBHOOK


def add_webhook(draft: WebhookDraft) -> tuple[Webhook, str]:
    """Create a webhook; return it and its secret. Raises `InvalidWebhook`."""
    after = {"type": draft.type, "account": draft.account, "scheme": draft.scheme}
    with audited(AuditAction.WEBHOOK_ADD, _TARGET, draft.name[:80], name=draft.name[:200], after=after):
        return services().webhooks.add(draft, by=signed_in().id)


def rotate_secret(webhook: Webhook, overlap: timedelta) -> str:
    """Replace the secret and return the new one; the old one works for ``overlap`` longer."""
    after = {"old_secret_works_for": str(overlap)}
    with audited(AuditAction.WEBHOOK_ROTATE, _TARGET, webhook.id, name=webhook.name, after=after):
        return services().webhooks.rotate(webhook.id, overlap=overlap)


def set_disabled(webhook: Webhook, *, disabled: bool) -> None:
    """Refuse further messages, or accept them again."""
    action = AuditAction.WEBHOOK_DISABLE if disabled else AuditAction.WEBHOOK_ENABLE
    with audited(action, _TARGET, webhook.id, name=webhook.name):
        services().webhooks.set_disabled(webhook.id, disabled=disabled)


def remove_webhook(webhook: Webhook) -> None:
    """Delete a webhook with its log."""
    before = {"type": webhook.type, "scheme": webhook.scheme.value}
    with audited(AuditAction.WEBHOOK_REMOVE, _TARGET, webhook.id, name=webhook.name, before=before):
        services().webhooks.remove(webhook.id)


def try_again(webhook: Webhook, received: WebhookMessage) -> WebhookAnswer:
    """Retry an authentic message that started no job."""
    answer = services().reception.try_again(received)
    after = {"message": received.id, "status": answer.status}
    record_audit(AuditAction.WEBHOOK_RETRY, _TARGET, webhook.id, name=webhook.name, after=after)
    return answer


def address_of(webhook: Webhook) -> str:
    """Return the address to which messages are sent."""
    return absolute_url_of(f"{messages.url_prefix}/{webhook.id}")
