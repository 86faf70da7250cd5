"""Notices: which of one's own jobs have ended, what was not read first, each with the way to its result."""

from dataclasses import dataclass

from flask import Blueprint, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from webapp.jobs.notices import Notice
from webapp.views.around import saying, tone
from webapp.views.current import services
from webapp.views.job_row import File, files
from webapp.views.moments import Moment
from webapp.views.reader import Reader, reader
from webapp.views.viewer import signed_in

bp = Blueprint("notices", __name__)
_ICONS = {"done": "check", "stopped": "player-stop", "failed": "alert-triangle"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A notice as it is shown; ``result`` is the first file that the job has left, if it is still there."""

    notice: Notice
    text: str
    tone: str
    icon: str
    when: Moment
    result: File | None


@bp.get("/notices")
def index() -> ResponseReturnValue:
    """Show what has ended: the unread first."""
    person = signed_in().id
    unread, read = services().notices.unread(person), services().notices.read(person)
    return render_template("notices/index.html", unread=_lines(unread), read=_lines(read))


@bp.post("/notices/<int:notice_id>/read")
def mark_read(notice_id: int) -> ResponseReturnValue:
    """Mark one as read."""
    services().notices.mark_read(signed_in().id, notice_id)
    return redirect(url_for("notices.index"), 303)


@bp.post("/notices/read")
def mark_all_read() -> ResponseReturnValue:
    """Mark all as read."""
    services().notices.mark_read(signed_in().id)
    return redirect(url_for("notices.index"), 303)


def _lines(those: tuple[Notice, ...]) -> tuple[Line, ...]:
    reading = reader()
    attached = services().jobs.attachments_of([notice.job_id for notice in those])
    return tuple(_line(notice, files(attached.get(notice.job_id, ()), reading), reading) for notice in those)


def _line(notice: Notice, attached: tuple[File, ...], reading: Reader) -> Line:
    colours = tone(notice.kind)
    return Line(
        notice=notice,
        text=saying(notice),
        tone=colours,
        icon=_ICONS[colours],
        when=reading.when(notice.at),
        result=next((file for file in attached if file.role == "output"), None),
    )
