"""Steering a queue: pause, resume, limit and empty it. What takes something away is asked first."""

from dataclasses import replace

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.accounts.audit import Action, Kind
from webapp.accounts.rights import Right
from webapp.jobs.acting import Action as Act
from webapp.jobs.job import Status
from webapp.jobtypes.bulk_action.payload import BulkAction
from webapp.views.acting import start_acting
from webapp.views.admin import reasons
from webapp.views.admin.queue_view import QueueView
from webapp.views.admin.queues import bp, known, page_of
from webapp.views.auditing import audited, note
from webapp.views.confirming import Confirmation, confirm
from webapp.views.current import services
from webapp.views.rights import require
from webapp.views.texts import gettext as _
from webapp.views.texts import ngettext
from webapp.views.viewer import signed_in

_SECONDS_TO_EMPTY = 2.0  # of one request; a job of its own goes on with what then still waits
_LONGEST_LIMIT = 6  # digits


@bp.route("/<path:name>/pause", methods=["GET", "POST"])
@require(Right.RUN_QUEUES)
def pause(name: str) -> ResponseReturnValue:
    """Ask why, then take no more jobs from a queue."""
    if page := reasons.asking(_pausing(known(name))):
        return page
    reason = reasons.given()
    with audited(Action.QUEUE_PAUSE, Kind.QUEUE, name, after={"reason": reason}):
        services().queues.pause(name, reason=reason, by=signed_in().id)
    return _back(name)


@bp.post("/<path:name>/resume")
@require(Right.RUN_QUEUES)
def resume(name: str) -> ResponseReturnValue:
    """Take its jobs again."""
    queue = known(name)
    with audited(Action.QUEUE_RESUME, Kind.QUEUE, name, before={"reason": queue.reason}):
        services().queues.resume(name)
    services().wake_ups.push(name)
    return _back(name)


@bp.post("/<path:name>/limit")
@require(Right.RUN_QUEUES)
def limit(name: str) -> ResponseReturnValue:
    """Let at most so many of its jobs run at once; nothing lifts the limit."""
    queue = known(name)
    typed = request.form.get("limit", "").strip()
    if typed and not (typed.isascii() and typed.isdecimal() and len(typed) <= _LONGEST_LIMIT):
        error = _("A limit is a whole number from 0 on, or nothing for no limit.")
        return render_template("queues/show.html", **page_of(name), typed=typed, error=error), 422
    number = int(typed) if typed else None
    with audited(Action.QUEUE_LIMIT, Kind.QUEUE, name, before={"limit": queue.limit}, after={"limit": number}):
        services().queues.limit(name, number)
    services().wake_ups.push(name)
    return _back(name)


@bp.route("/<path:name>/empty", methods=["GET", "POST"])
@require(Right.RUN_QUEUES)
def empty(name: str) -> ResponseReturnValue:
    """Ask whether it is meant, then stop every job that waits in a queue."""
    queue = known(name)
    if request.method == "GET":
        return confirm(_emptying(queue))
    by = signed_in().id
    stopped = services().queues.empty(
        name, lambda ids: services().jobs.cancel_many(ids, by=by), seconds=_SECONDS_TO_EMPTY
    )
    note(Action.QUEUE_EMPTY, Kind.QUEUE, name, before={"waiting": queue.waiting}, after={"stopped": stopped})
    flash(ngettext("%(num)s job was stopped.", "%(num)s jobs were stopped.", stopped))
    if stopped >= queue.waiting or not services().queues.waiting(name):
        return _back(name)
    rest = start_acting(BulkAction(action=Act.STOP, status=Status.QUEUED, tab="waiting", queue=name))
    flash(_("This job stops the rest of them."))
    return redirect(url_for("jobs.show", job_id=rest.id), 303)


def _pausing(queue: QueueView) -> Confirmation:
    runs = ngettext("%(num)s job that runs goes on.", "%(num)s jobs that run go on.", queue.running)
    return Confirmation(
        title=_("Pause the queue %(name)s?", name=queue.name),
        effect=_("No worker takes a job from it until it is resumed. What waits keeps its place."),
        notes=(runs,) if queue.running else (),
        action=_("Pause the queue"),
        keep=_("Leave it open"),
        post=url_for("queues.pause", name=queue.name),
        back=url_for("queues.show", name=queue.name),
        harmful=False,
    )


def _emptying(queue: QueueView) -> Confirmation:
    asked = Confirmation(
        title=ngettext(
            "Stop %(num)s waiting job of %(name)s?",
            "Stop all %(num)s waiting jobs of %(name)s?",
            queue.waiting,
            name=queue.name,
        ),
        effect=_("They end as stopped, whoever started them. What runs goes on. A stopped job can be tried again."),
        action=_("Stop them"),
        keep=_("Leave them waiting"),
        post=url_for("queues.empty", name=queue.name),
        back=url_for("queues.show", name=queue.name),
    )
    return asked if queue.waiting else replace(asked, refusal=_("Nothing waits in this queue."))


def _back(name: str) -> ResponseReturnValue:
    return redirect(url_for("queues.show", name=name), 303)
