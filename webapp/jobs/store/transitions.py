"""Every SQL statement that changes a job's status, as named transitions built from the table of moves.

A transition's source statuses are those from which `MOVES` allows all of its targets, so no
statement can make a move that the table does not have. Other modules narrow a transition to their
jobs with ``where`` and add the columns that change with it. No other module sets ``status`` in an
UPDATE; a test checks that.
"""

from collections.abc import Collection
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Update, and_, case, literal_column, or_, update

from webapp.jobs.model.approval import ApprovalState
from webapp.jobs.model.job import MOVES, NOT_STARTED, TERMINAL, IllegalTransition, Status
from webapp.schema import jobs

UNSTARTED = (Status.HELD, Status.SCHEDULED, Status.QUEUED)
_HAS_NOT_STARTED = frozenset(UNSTARTED)
MAY_RUN = and_(  # no statement starts a job without the approval that it needs, or one that waits for an answer
    or_(jobs.c.approval.is_(None), jobs.c.approval == ApprovalState.APPROVED.value), jobs.c.asked_of.is_(None)
)


class Transition:
    """A change of status: from each of ``sources`` to one of ``targets``."""

    def __init__(self, *targets: Status, among: Collection[Status] = tuple(Status)) -> None:
        """Take the source statuses from `MOVES`, limited to those in ``among``."""
        self.targets = targets
        self.sources = tuple(source for source in Status if source in among and MOVES[source].issuperset(targets))
        if not self.sources:
            message = f"No status can become {' or '.join(targets)}."
            raise ValueError(message)
        starts_held = Status.HELD in self.sources and Status.HELD not in targets
        starts_ended = not TERMINAL.isdisjoint(self.sources)
        self._is_guarded = not TERMINAL.issuperset(targets) and (starts_held or starts_ended)
        self._starts_again = not _HAS_NOT_STARTED.issuperset(self.sources)
        self._ends_held = TERMINAL.issuperset(targets) and Status.HELD in self.sources

    @property
    def guard(self) -> ColumnElement[bool]:
        """The condition that a job is in a source status."""
        if len(self.sources) > 1:
            return jobs.c.status.in_([source.value for source in self.sources])
        return jobs.c.status == _literal(self.sources[0])  # a constant, so that partial indexes are used

    def update(
        self, status: Status | ColumnElement[Any] | None = None, *, by_id: bool = False, **values: Any
    ) -> Update:
        """Return the UPDATE of jobs in a source status; ``values`` are further columns.

        With ``by_id``, the caller narrows it to ids, by which the jobs are looked up.

        ``status`` chooses one of several targets, as a value or as an SQL expression. A job that
        must start again loses what it has reported (`NOT_STARTED`), unless ``values`` say otherwise.
        A job that needs approval and does not have it, or that waits for an answer, can only end, so no statement
        starts one that is held or ended. The question of a job that ends meanwhile is withdrawn.
        """
        if status is None:
            [status] = self.targets
        if isinstance(status, Status):
            if status not in self.targets:
                message = f"{status} is not a target of this transition."
                raise ValueError(message)
            if status in _HAS_NOT_STARTED and self._starts_again:
                values = {**NOT_STARTED, **values}
            status = _literal(status)
        if self._ends_held:
            values = {"asked_of": None, **values}
        guard = status_of_known_job(*self.sources) if by_id else self.guard
        allowed = (guard, MAY_RUN) if self._is_guarded else (guard,)
        return update(jobs).where(*allowed).values(status=status, version=jobs.c.version + 1, **values)


def status_of_known_job(*statuses: Status) -> ColumnElement[bool]:
    """Return the condition that a job, which is looked up by its id, has one of these statuses.

    No index serves it: PostgreSQL would take the index of running jobs for the job with an id, because it expects next
    to none. But each job that ran since the last VACUUM is still in that index, and was read again for each end.
    """
    return (jobs.c.status + literal_column("''")).in_([_literal(status) for status in statuses])


def _literal(status: Status) -> ColumnElement[str]:
    return literal_column(f"'{status.value}'")


# Start
WHEN_RELEASED = case((jobs.c.run_at.is_(None), _literal(Status.QUEUED)), else_=_literal(Status.SCHEDULED))
released = Transition(Status.QUEUED, Status.SCHEDULED, among=UNSTARTED)  # a held job
promoted = Transition(Status.QUEUED, among=(Status.SCHEDULED,))
claimed = Transition(Status.RUNNING)
postponed = Transition(Status.SCHEDULED, among=(Status.QUEUED,))  # edited while it waited
held_for_approval = Transition(Status.HELD, among=UNSTARTED)  # its input was changed

# End of an attempt; the fence names the attempt
ended = Transition(Status.COMPLETED, Status.FAILED, Status.CANCELLED, Status.STALE, among=(Status.RUNNING,))
handed_back = Transition(Status.QUEUED, among=(Status.RUNNING,))
retry_scheduled = Transition(Status.SCHEDULED, among=(Status.RUNNING,))
put_down = Transition(Status.HELD, Status.QUEUED, among=(Status.RUNNING,))  # it has asked a person
waiting_for_children = Transition(Status.WAITING, among=(Status.RUNNING,))

# End without an attempt
cancelled_before_start = Transition(Status.CANCELLED, among=UNSTARTED)
cancelled_while_held = Transition(Status.CANCELLED, among=(Status.HELD,))
abandoned = Transition(Status.CANCELLED, among=(Status.RUNNING,))  # a record-only job that ignores a stop request
root_ended = Transition(Status.COMPLETED, Status.FAILED, Status.CANCELLED, among=(Status.WAITING,))

# Retry
reopened = Transition(Status.QUEUED, Status.WAITING, among=TERMINAL)
held_again = Transition(Status.HELD, among=TERMINAL)  # until those that it follows have ended


def changed(job_id: UUID, old: Status, new: Status) -> Transition:
    """Return the transition of an optimistic update; raise `IllegalTransition` if `MOVES` does not have it."""
    if new not in MOVES[old]:
        raise IllegalTransition(job_id, old, new)
    return _single_move(old, new)


@cache
def _single_move(old: Status, new: Status) -> Transition:
    return Transition(new, among=(old,))
