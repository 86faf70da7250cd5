"""Rules and deliveries as pages show them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from flask import url_for

from webapp.notifications.delivery_log import Delivery, DeliveryStatus
from webapp.notifications.rule import TEST, Channel, NotificationRule
from webapp.views.notifications.access import readable_address, readable_recipients
from webapp.views.notifications.rule_fields import channel_labels, topic_labels
from webapp.views.page.request import services, signed_in
from webapp.views.page.viewer_context import ViewerContext, viewer_context
from webapp.views.text.date_format import FormattedTime, duration
from webapp.views.text.status_labels import StatusLabel
from webapp.views.text.stored_messages import translated
from webapp.views.text.translations import gettext as _
from webapp.views.text.translations import ngettext


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleRow:
    """A rule; ``limits`` are the conditions that narrow it, in words."""

    rule: NotificationRule
    topics: tuple[str, ...]
    channel: str
    target: str
    limits: tuple[str, ...]
    look: StatusLabel


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRow:
    """A message about a ``subject`` with a page; ``event`` is what happened, ``note`` says why it did not arrive."""

    delivery: Delivery
    look: StatusLabel
    subject: str
    event: str
    subject_url: str
    channel: str
    target: str
    note: str
    when: FormattedTime
    owner: str
    can_resend: bool


def rule_rows(rules: Iterable[NotificationRule]) -> tuple[RuleRow, ...]:
    """Describe rules."""
    return tuple(map(_rule_row, rules))


def delivery_rows(deliveries: tuple[Delivery, ...]) -> tuple[DeliveryRow, ...]:
    """Describe deliveries."""
    context = viewer_context(delivery.user_id for delivery in deliveries)
    return tuple(_delivery_row(delivery, context) for delivery in deliveries)


def _rule_row(rule: NotificationRule) -> RuleRow:
    labels = topic_labels()
    on = StatusLabel(_("On"), "done", "check")
    off = StatusLabel(_("Off"), "stopped", "player-pause")
    return RuleRow(
        rule=rule,
        topics=tuple(label for topic, label in labels.items() if topic in rule.topics),
        channel=channel_labels()[rule.channel],
        target=_target(rule),
        limits=tuple(_limits(rule)),
        look=on if rule.enabled else off,
    )


def _target(rule: NotificationRule) -> str:
    if rule.channel is not Channel.MAIL:
        return rule.shown_address
    return ", ".join(readable_recipients(rule)) if rule.user_id is None else signed_in().email or ""


def _limits(rule: NotificationRule) -> Iterable[str]:
    if rule.type:
        yield _("type %(name)s", name=translated(services().registry.title_of(rule.type)))
    if rule.queue:
        yield _("queue %(name)s", name=rule.queue)
    if rule.tag:
        yield _("tag %(name)s", name=rule.tag)
    if rule.seconds:
        yield _("longer than %(period)s", period=duration(timedelta(seconds=rule.seconds)))
    if rule.due_time:
        yield _("by %(time)s (%(zone)s)", time=rule.due_time, zone=rule.zone)
    if rule.quiet_from:
        yield _("quiet from %(begin)s to %(end)s", begin=rule.quiet_from, end=rule.quiet_until)


def _delivery_row(delivery: Delivery, context: ViewerContext) -> DeliveryRow:
    return DeliveryRow(
        delivery=delivery,
        look=_look(delivery),
        subject=_subject(delivery),
        event=topic_labels().get(delivery.facts[0]["topic"], "") if delivery.event_count == 1 else "",
        subject_url=_subject_url(delivery),
        channel=channel_labels()[delivery.channel],
        target=readable_address(delivery),
        note=_explanation(delivery, context),
        when=context.when(delivery.finished_at or delivery.created_at),
        owner=context.label(delivery.user_id) if delivery.user_id else _("Installation"),
        can_resend=delivery.finished_at is not None and delivery.rule_id is not None,
    )


def _look(delivery: Delivery) -> StatusLabel:
    return {
        DeliveryStatus.COLLECTING: StatusLabel(_("Collecting"), "waiting", "hourglass"),
        DeliveryStatus.QUEUED: StatusLabel(_("Sending"), "running", "loader-2")
        if not delivery.error
        else StatusLabel(_("Retrying"), "attention", "rotate-clockwise"),
        DeliveryStatus.DELIVERED: StatusLabel(_("Delivered"), "done", "check"),
        DeliveryStatus.FAILED: StatusLabel(_("Not delivered"), "failed", "alert-triangle"),
    }[delivery.status]


def _subject(delivery: Delivery) -> str:
    if delivery.is_test:
        return _("Test")
    if delivery.event_count > 1:
        return ngettext("%(num)s event", "%(num)s events", delivery.event_count)
    fact = delivery.facts[0]
    about = translated(str(fact.get("title") or fact.get("name") or fact.get("queue") or ""))
    return about or topic_labels()[fact["topic"]]


def _subject_url(delivery: Delivery) -> str:
    fact = delivery.facts[0]
    if delivery.event_count != 1 or fact["topic"] == TEST or not fact.get("job_id"):
        return ""
    return url_for("jobs.show", job_id=fact["job_id"])


def _explanation(delivery: Delivery, context: ViewerContext) -> str:
    if delivery.status is DeliveryStatus.COLLECTING and delivery.due_at > context.now:
        return _("Will be sent %(when)s.", when=context.when(delivery.due_at).text)
    return translated(delivery.error)
