"""What the page of a job asks the services for."""

from datetime import timedelta

from flask import request

from webapp.jobs.job import Job, Status
from webapp.jobs.queues import Queue
from webapp.views.current import services
from webapp.views.doable import actions
from webapp.views.job_page import Findings
from webapp.views.reader import Reader
from webapp.views.texts import gettext as _
from webapp.views.viewer import viewer
from webapp.views.waiting import Outlook, Pause

PARTS_SHOWN = 20
_LONGEST = timedelta(days=365)


def findings(job: Job, reading: Reader) -> Findings:
    """Ask for all that one page shows beside the job itself; what this reader may not open is left out."""
    jobs, opened = services().jobs, reading.may_open(job)
    return Findings(
        events=jobs.timeline(job.id),
        attempts=jobs.attempts(job.id) if opened else (),
        attached=jobs.attachments_ever(job.id) if opened else (),
        parts=jobs.parts_of_note(job.id, limit=PARTS_SHOWN) if job.parts else (),
        kin=jobs.kin(viewer(), job),
        queue=queue_outlook(job, reading),
        usual=None if job.is_finished else jobs.usual_duration(job.type),
        shown_left=_shown_left(reading),
        removed_at=services().housekeeping.removed_at(job),
        actions=actions(job, services().registry, reading),
    )


def queue_outlook(job: Job, reading: Reader | None = None) -> Outlook | None:
    """Return what is known of the queue in which a job waits; without a reader, nothing is guessed."""
    if job.status is not Status.QUEUED or job.record_only:
        return None
    workers = services().wake_ups.workers_alive(job.queue)
    queue = services().queues.kept(job.queue)
    guess = services().jobs.starts_within(job, workers=workers, limited=_limited(job, queue)) if reading else None
    return Outlook(
        place=services().jobs.place_in_queue(job),
        workers=workers,
        starts_within=guess,
        pause=_pause(queue, reading),
    )


def _pause(queue: Queue, reading: Reader | None) -> Pause | None:
    if queue.paused_at is None:
        return None
    named = reading and reading.viewer.sees_all and queue.paused_by
    by = reading.name(queue.paused_by) if reading and named else _("an operator")
    return Pause(by=by, since=queue.paused_at, reason=queue.reason)


def _limited(job: Job, queue: Queue) -> bool:
    registry = services().registry
    return queue.max_running is not None or job.type not in registry or bool(registry.get(job.type).limits)


def _shown_left(reading: Reader) -> timedelta | None:
    """Return the time left that the page was told last, less what has passed since: its poll says both."""
    left, told_at = (request.args.get(name, type=int) for name in ("left", "at"))
    if left is None or told_at is None:
        return None
    passed = reading.now.timestamp() - told_at
    if not 0 <= passed <= _LONGEST.total_seconds() or not 0 <= left <= _LONGEST.total_seconds():
        return None
    return timedelta(seconds=max(left - passed, 0.0))
