"""The snapshot taker of a worker: it answers the requests for process snapshots."""

import linecache
import logging
from collections.abc import Sequence
from dataclasses import asdict
from traceback import FrameSummary, StackSummary
from typing import Any
from uuid import UUID

from webapp.jobs.definition.payload import Vault, payload_mask
from webapp.jobs.execution.process_snapshots.process_facts import process_facts
from webapp.jobs.execution.process_snapshots.snapshot_store import ProcessSnapshots
from webapp.jobs.execution.process_snapshots.stack_channel import Frame, StackChannel, ThreadStack
from webapp.jobs.lifecycle import default_owner
from webapp.jobs.model.incoming_text import clean_traceback
from webapp.jobs.model.job import Job

log = logging.getLogger(__name__)
_CALLS_HANDLER = default_owner.__file__  # what is outside of its frames is the same for all jobs


class SnapshotTaker:
    """Takes snapshots of the work-horses of one worker, without the secrets of the jobs."""

    def __init__(self, snapshots: ProcessSnapshots, worker: str, vault: Vault) -> None:
        self._snapshots = snapshots
        self._worker = worker
        self._vault = vault

    def take(self, snapshot_id: UUID, running: Job | None, *, pid: int, channel: StackChannel, patience: float) -> None:
        """Answer a request while ``running`` runs in the work-horse ``pid``. Never raises: a supervisor calls it."""
        try:
            is_meant = running and self._snapshots.attempt_of(snapshot_id) == (running.id, running.attempt)
            content = self._content(running, pid, channel, patience) if running and is_meant else {}
            self._snapshots.fill_in(snapshot_id, self._worker, content)
        except Exception:
            log.exception("The process snapshot %s could not be taken.", snapshot_id)

    def _content(self, job: Job, pid: int, channel: StackChannel, patience: float) -> dict[str, Any]:
        facts = process_facts(pid)
        if facts is None:
            return {}
        stacks = channel.ask(pid, patience)
        linecache.checkcache()
        shown = [{"name": stack.thread, "stack": stack_text(stack)} for stack in stacks]
        mask = payload_mask(job.payload, self._vault)
        return {"pid": pid, **mask.values({**asdict(facts), "threads": shown})}


def stack_text(stack: ThreadStack) -> str:
    """Return a stack as a traceback shows it, from the frame of the handler on."""
    summary = StackSummary.from_list([FrameSummary(frame.file, frame.line, frame.function) for frame in _own(stack)])
    return clean_traceback("".join(summary.format()))


def _own(stack: ThreadStack) -> Sequence[Frame]:
    """Leave out how the engine called the handler; without a handler, keep everything."""
    for index in range(len(stack.frames) - 2, -1, -1):
        if stack.frames[index].file == _CALLS_HANDLER:
            return stack.frames[index + 1 :]
    return stack.frames
