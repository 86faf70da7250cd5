"""Turn the engine's errors into one sentence and an exit status."""

from contextlib import suppress
from uuid import UUID

from sqlalchemy.exc import DBAPIError

from webapp.accounts.bookmarks.form_presets import PresetNotFound
from webapp.cli.command_group import BadUsage, Failed, NotFound
from webapp.cli.context import services
from webapp.config import Unready
from webapp.jobs.budgets.admission import BudgetUsedUp
from webapp.jobs.budgets.budget import BudgetsTurnedOff, InvalidBudget
from webapp.jobs.definition.disabled_types import TypeDisabled
from webapp.jobs.definition.job_type import InvalidPayload
from webapp.jobs.definition.registry import UnknownJobType
from webapp.jobs.metrics.error_groups import ErrorNotFound
from webapp.jobs.model.job import BadRequest, IllegalTransition, short_id
from webapp.jobs.queries.all_jobs import AmbiguousId
from webapp.jobs.queueing.queues import QueueInUse, UnknownQueue
from webapp.jobs.schedules.draft import InvalidSchedule
from webapp.jobs.schedules.job_factory import CannotStart, PreviousRunUnfinished
from webapp.jobs.schedules.schedule import AmbiguousName
from webapp.jobs.schedules.service import ScheduleNotFound, StaleSchedule
from webapp.jobs.store.job_store import JobNotFound
from webapp.jobs.store.unique_keys import KeyConflict
from webapp.processes.preflight import require_tables

_KINDS = {
    UnknownJobType: "job type",
    UnknownQueue: "queue",
    JobNotFound: "job",
    ScheduleNotFound: "schedule",
    ErrorNotFound: "error",
}


def refusal_of(error: Exception) -> Failed | None:
    """Return what a command fails with; ``None`` for an error that is a defect."""
    match error:
        case UnknownJobType() | UnknownQueue() | JobNotFound() | ScheduleNotFound() | ErrorNotFound():
            return NotFound(str(error), _KINDS[type(error)])
        case (
            AmbiguousId()
            | AmbiguousName()
            | BadRequest()
            | InvalidBudget()
            | InvalidSchedule()
            | InvalidPayload()
            | PresetNotFound()
        ):
            return BadUsage(str(error))
        case KeyConflict(job_id=UUID() as holder):
            return Failed(f"{error} Wait for the end of job {short_id(holder)}, or cancel it.")
        case KeyConflict() | PreviousRunUnfinished():
            return Failed(f"{error} Wait for its end, or cancel it.")
        case (
            BudgetUsedUp()
            | BudgetsTurnedOff()
            | CannotStart()
            | IllegalTransition()
            | QueueInUse()
            | StaleSchedule()
            | TypeDisabled()
        ):
            return Failed(str(error))
        case _:
            return _refusal_of_tables() if isinstance(error, DBAPIError) else None


def _refusal_of_tables() -> BadUsage | None:
    """Return what a command fails with if the tables are missing or not those of this program."""
    with suppress(DBAPIError):  # the database itself cannot be used
        try:
            require_tables(services())
        except Unready as unready:
            return BadUsage(str(unready))
    return None
