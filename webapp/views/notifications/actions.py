"""What can be done with notification rules, each with its audit line; pages and the API call these functions."""

from contextlib import AbstractContextManager
from typing import Any
from uuid import UUID

from webapp.accounts.audit_log import AuditAction, AuditTarget
from webapp.accounts.user import User
from webapp.notifications.delivery_log import Delivery
from webapp.notifications.rule import NotificationRule, RuleDraft
from webapp.views.notifications.send_limit import count_message
from webapp.views.page.audit_log import audited
from webapp.views.page.request import services, signed_in


def add_rule(owner: User | None, draft: RuleDraft) -> tuple[NotificationRule, str]:
    """Create a rule of a user or of the installation; return it and the signing key of a webhook.

    Raises `InvalidRule`.
    """
    checked = services().rule_form(owner).checked(draft)
    after = {"channel": checked.channel, "topics": ", ".join(checked.topics), **_whose(owner.id if owner else None)}
    with audited(AuditAction.RULE_ADD, AuditTarget.RULE, name=checked.name, after=after):
        return services().notification_rules.add(checked, user_id=owner.id if owner else None, by=signed_in().id)


def change_rule(rule: NotificationRule, draft: RuleDraft) -> NotificationRule:
    """Change a rule; raises `InvalidRule`."""
    checked = services().rule_form(owner_of(rule)).checked(draft, has_address=True)
    before, after = {"topics": ", ".join(sorted(rule.topics))}, {"topics": ", ".join(checked.topics)}
    if checked.address:
        after["address"] = "new"
    with _audited(AuditAction.RULE_CHANGE, rule, before=before, after=after):
        return services().notification_rules.change(rule.id, checked)


def switch_rule(rule: NotificationRule, *, enabled: bool) -> NotificationRule:
    """Switch a rule on or off."""
    with _audited(AuditAction.RULE_SWITCH, rule, after={"enabled": enabled}):
        return services().notification_rules.set_enabled(rule.id, enabled=enabled)


def delete_rule(rule: NotificationRule) -> None:
    """Delete a rule."""
    with _audited(AuditAction.RULE_REMOVE, rule, before={"channel": rule.channel.value, **_whose(rule.user_id)}):
        services().notification_rules.delete(rule.id)


def send_test(rule: NotificationRule) -> Delivery:
    """Send a test message by a rule, even if it is switched off. Ends the request if there were too many."""
    count_message()
    with _audited(AuditAction.RULE_TEST, rule):
        delivery_id = services().delivery_log.add_test(rule)
    return _send(delivery_id)


def redeliver(delivery: Delivery, *, attempts: int | None = None) -> Delivery:
    """Send a message again, unless somebody did since it had these ``attempts``; raises `NotRedeliverable`."""
    count_message()
    with audited(AuditAction.MESSAGE_REDELIVER, AuditTarget.RULE, delivery.rule_id or "", name=delivery.rule_name):
        services().delivery_log.queue_again(delivery.id, attempts=attempts)
    return _send(delivery.id)


def owner_of(rule: NotificationRule) -> User | None:
    """Return the user of a rule, None for a rule of the installation."""
    return services().accounts.get(rule.user_id) if rule.user_id else None


def _send(delivery_id: UUID) -> Delivery:
    services().notification_watch.send(services().delivery_log.get(delivery_id))
    return services().delivery_log.get(delivery_id)


def _audited(action: AuditAction, rule: NotificationRule, **details: Any) -> AbstractContextManager[None]:
    return audited(action, AuditTarget.RULE, rule.id, name=rule.name, **details)


def _whose(user_id: UUID | None) -> dict[str, str]:
    return {} if user_id else {"of": "installation"}
