"""Who can see and change notification rules and deliveries; used by pages and the API."""

from typing import Any
from uuid import UUID

from flask import abort

from webapp.accounts.permissions import Right
from webapp.notifications.delivery_log import Delivery, DeliveryNotFound
from webapp.notifications.rule import NotificationRule
from webapp.notifications.rules import RuleNotFound
from webapp.views.page.permissions import demand, may
from webapp.views.page.request import job_policy, services, signed_in
from webapp.views.security.bearer_token import role_is_lowered


def visible_rule(rule_id: UUID) -> NotificationRule:
    """Return an own rule, or one of the installation for those who see it; otherwise end the request with 404."""
    try:
        rule = services().notification_rules.get(rule_id)
    except RuleNotFound:
        abort(404)
    _demand_sight(rule.user_id)
    return rule


def changeable_rule(rule_id: UUID) -> NotificationRule:
    """Return a rule that the user can change; otherwise end the request with 404, or 403 and the reason."""
    rule = visible_rule(rule_id)
    demand_change(rule.user_id)
    return rule


def demand_change(owner_id: UUID | None) -> None:
    """End the request unless the user can change what belongs to this user, or to the installation."""
    if owner_id != signed_in().id:
        demand(Right.EDIT_NOTIFICATIONS)


def demand_whole_role() -> None:
    """End the request if its token permits less than its account: a rule reports whatever the account can see."""
    if role_is_lowered():
        abort(
            403, "A rule reports what its account sees, and this token permits less. Use one with “operate” or “admin”."
        )


def visible_delivery(delivery_id: UUID) -> Delivery:
    """Return a delivery of an own rule, or any for those who see the installation; otherwise end with 404."""
    try:
        delivery = services().delivery_log.get(delivery_id)
    except DeliveryNotFound:
        abort(404)
    if delivery.user_id != signed_in().id:
        demand(Right.SEE_INSTALLATION)
    return delivery


def readable_address(delivery: Delivery) -> str:
    """Return where a message went; other users' addresses are masked for those who cannot change users."""
    if delivery.user_id == signed_in().id or may(Right.CHANGE_USERS):
        return delivery.shown_address
    return masked(delivery.shown_address)


def readable_facts(delivery: Delivery) -> list[dict[str, Any]]:
    """Return the events of a message; errors of jobs that the user cannot open are left out."""
    reads_own = delivery.user_id == signed_in().id and not role_is_lowered()
    closed = frozenset() if reads_own else job_policy().unopened_types
    return [{**fact, "detail": ""} if fact.get("type") in closed else dict(fact) for fact in delivery.facts]


def readable_recipients(rule: NotificationRule) -> tuple[str, ...]:
    """Return the mail addresses of a rule, masked like those of deliveries."""
    if rule.user_id == signed_in().id or may(Right.CHANGE_USERS):
        return rule.recipients
    return tuple(map(masked, rule.recipients))


def masked(addresses: str) -> str:
    """Return mail addresses of which only the first letter and the domain are left: "a…@example.org"."""
    parts = (address.strip() for address in addresses.split(","))
    return ", ".join(f"{part[:1]}…@{part.rpartition('@')[2]}" if "@" in part else part for part in parts)


def _demand_sight(owner_id: UUID | None) -> None:
    if owner_id == signed_in().id:
        return
    if owner_id is not None:
        abort(404)  # other users' rules are private
    demand(Right.SEE_INSTALLATION)
