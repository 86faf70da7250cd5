"""Notifications: the user's finished jobs, unread first, each with a link to its result."""

from dataclasses import dataclass
from datetime import timedelta

from flask import Blueprint, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from webapp.jobs.queries.notifications import Notification
from webapp.views.job_list.row import FileLink, file_links
from webapp.views.page.request import services, signed_in
from webapp.views.page.topbar import notification_text, notification_tone
from webapp.views.page.viewer_context import ViewerContext, viewer_context
from webapp.views.text.date_format import FormattedTime

bp = Blueprint("notices", __name__)
_RECENT = timedelta(days=7)
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


@bp.get("/notices")
def index() -> ResponseReturnValue:
    """Show the notifications, unread first."""
    person = signed_in().id
    unread, read = services().notifications.unread(person), services().notifications.read(person)
    undelivered = services().delivery_log.count_failed(person, _RECENT)
    return render_template(
        "account/notifications.html", unread=_rows(unread), read=_rows(read), undelivered=undelivered
    )


@bp.post("/notices/<int:notice_id>/read")
def mark_read(notice_id: int) -> ResponseReturnValue:
    """Mark one notification as read."""
    services().notifications.mark_read(signed_in().id, notice_id)
    return redirect(url_for("notices.index"), 303)


@bp.post("/notices/read")
def mark_all_read() -> ResponseReturnValue:
    """Mark all notifications as read."""
    services().notifications.mark_read(signed_in().id)
    return redirect(url_for("notices.index"), 303)


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
