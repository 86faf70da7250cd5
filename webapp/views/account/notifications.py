"""Notifications: the user's finished jobs, unread first, each with a link to its result."""

from dataclasses import dataclass
from datetime import timedelta

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.jobs.model.job import TERMINAL, Status
from webapp.jobs.queries.notifications import Notification, NotificationGroup
from webapp.views.job_list.row import FileLink, file_links
from webapp.views.page.request import services, signed_in
from webapp.views.page.topbar import notification_text, notification_tone
from webapp.views.page.viewer_context import ViewerContext, viewer_context
from webapp.views.text.date_format import FormattedTime
from webapp.views.text.number_format import number
from webapp.views.text.stored_messages import translated
from webapp.views.text.translations import gettext as _

bp = Blueprint("notices", __name__)
_RECENT = timedelta(days=7)
_GROUPED_FROM = 4  # notifications that say the same
_ICONS = {"done": "check", "stopped": "player-stop", "failed": "alert-triangle"}


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationRow:
    """A notification as shown; ``result`` is the first output file of the job, if it still exists."""

    notification: Notification
    text: str
    tone: str
    icon: str
    when: FormattedTime
    result: FileLink | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRow:
    """Many notifications that say the same, as one line; ``tab`` is that of the list with their jobs."""

    group: NotificationGroup
    text: str
    tab: str
    icon: str
    when: FormattedTime


@bp.get("/notices")
def index() -> ResponseReturnValue:
    """Show the notifications, unread first; many of one kind are one line."""
    person, notifications = signed_in().id, services().notifications
    groups = notifications.unread_groups(person, least=_GROUPED_FROM)
    unread, read = notifications.unread(person, without=groups), notifications.read(person)
    undelivered = services().delivery_log.count_failed(person, _RECENT)
    return render_template(
        "account/notifications.html",
        groups=_group_rows(groups),
        unread=_rows(unread),
        read=_rows(read),
        undelivered=undelivered,
    )


@bp.post("/notices/<int:notice_id>/read")
def mark_read(notice_id: int) -> ResponseReturnValue:
    """Mark one notification as read."""
    services().notifications.mark_read(signed_in().id, notice_id)
    return redirect(url_for("notices.index"), 303)


@bp.post("/notices/read")
def mark_all_read() -> ResponseReturnValue:
    """Mark all notifications as read, or those of one type of jobs that ended in one way."""
    type_name, status = request.form.get("type", ""), request.form.get("status", "")
    if type_name and status in TERMINAL:
        services().notifications.mark_group_read(signed_in().id, type_name, Status(status))
    else:
        services().notifications.mark_read(signed_in().id)
    return redirect(url_for("notices.index"), 303)


def _group_rows(groups: tuple[NotificationGroup, ...]) -> tuple[GroupRow, ...]:
    context = viewer_context()
    tones = [notification_tone(group.status) for group in groups]
    return tuple(
        GroupRow(group=group, text=_group_text(group), tab=tone, icon=_ICONS[tone], when=context.when(group.at))
        for group, tone in zip(groups, tones, strict=True)
    )


def _group_text(group: NotificationGroup) -> str:
    counted = {"count": number(group.count), "type": translated(services().registry.title_of(group.type))}
    sentences = {
        Status.COMPLETED: _("%(count)s jobs of the type “%(type)s” are done.", **counted),
        Status.FAILED: _("%(count)s jobs of the type “%(type)s” failed.", **counted),
        Status.STALE: _("%(count)s jobs of the type “%(type)s” were lost with their workers.", **counted),
    }
    return str(sentences.get(group.status) or _("%(count)s jobs of the type “%(type)s” were stopped.", **counted))


def _rows(notifications: tuple[Notification, ...]) -> tuple[NotificationRow, ...]:
    context = viewer_context()
    attached = services().queries.files.attachments_of([notification.job_id for notification in notifications])
    return tuple(
        _row(notification, file_links(attached.get(notification.job_id, ()), context), context)
        for notification in notifications
    )


def _row(notification: Notification, attached: tuple[FileLink, ...], context: ViewerContext) -> NotificationRow:
    colours = notification_tone(notification.status)
    return NotificationRow(
        notification=notification,
        text=notification_text(notification),
        tone=colours,
        icon=_ICONS[colours],
        when=context.when(notification.at),
        result=next((file for file in attached if file.role == "output"), None),
    )
