"""Describing a flow: jobs with names, and which of them follow which. Nothing is written here.

>>> flow = Flow("Month end")
>>> fetch = flow.spawn("fetch", {"month": "2026-11"})
>>> north = flow.spawn("report", {"region": "north"}, name="north").after(fetch)
>>> south = flow.spawn("report", {"region": "south"}, name="south").after(fetch)
>>> flow.spawn("mail").after(north, south, on_failure="run")
FlowJob('mail')
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from graphlib import CycleError, TopologicalSorter
from types import MappingProxyType
from typing import Any
from uuid import UUID

from webapp.jobs.model import value_rules
from webapp.jobs.model.incoming_text import TITLE_LIMIT
from webapp.jobs.model.job import BadRequest
from webapp.jobs.model.value_rules import shown

# A flow is written in one transaction and shown on one page. Equal work on many items belongs to the child jobs of one
# job, of which there can be any number
MOST_JOBS = 1000
MOST_EDGES = 10_000
NAME_LIMIT = value_rules.CHILD_NAME_LIMIT
_TITLE = value_rules.text(TITLE_LIMIT)
_NAME = value_rules.ValueRule(
    f"a line of 1 to {NAME_LIMIT} printable characters",
    lambda name: isinstance(name, str) and 0 < len(name.strip()) <= len(name) <= NAME_LIMIT and name.isprintable(),
)


class OnFailure(StrEnum):
    """What becomes of a job if one that it follows does not complete."""

    CANCEL = "cancel"  # it is cancelled, and so is what follows it
    RUN = "run"  # it runs all the same
    WAIT = "wait"  # it waits until the other one is retried and completes


class InvalidFlow(BadRequest):
    """Raised for a flow that cannot be started; nothing was written.

    ``place`` is where: ``("jobs", 3, "after")``. ``errors`` maps the fields of a payload to sentences.
    """

    def __init__(self, message: str, *place: str | int, errors: Mapping[str, str] = MappingProxyType({})) -> None:
        """Take the sentence and the place."""
        super().__init__(message)
        self.place = place
        self.errors = errors


@dataclass(frozen=True, slots=True)
class FlowEdge:
    """The second job follows the first; both by name."""

    before: str
    after: str
    on_failure: OnFailure = OnFailure.CANCEL


class FlowJob:
    """A job of a flow that is not started yet; ``id`` is set when its flow is."""

    def __init__(self, name: str, type_name: str, payload: Any, choices: Mapping[str, Any]) -> None:
        self.name = name
        self.type = type_name
        self.payload = payload
        self.choices = choices
        self.id: UUID | None = None
        self.edges: list[FlowEdge] = []

    def __repr__(self) -> str:
        """Show the name."""
        return f"{type(self).__name__}({self.name!r})"

    def after(self, *others: "FlowJob | str", on_failure: OnFailure | str = OnFailure.CANCEL) -> "FlowJob":
        """Let the job start after others have completed, given as jobs of the same flow or as their names.

        ``on_failure`` says what becomes of it if one of them does not complete: "cancel" it, "run" it all the same, or
        let it "wait" for a retry of the other. Returns the job, so that calls can be chained.
        """
        if on_failure not in set(OnFailure):
            known = ", ".join(f"“{each}”" for each in OnFailure)
            message = f"on_failure of the job “{self.name}” must be one of {known}, not {shown(on_failure)}."
            raise InvalidFlow(message)
        for other in others:
            if not isinstance(other, FlowJob | str):
                message = f"The job “{self.name}” follows a job of its flow, or the name of one, not {shown(other)}."
                raise InvalidFlow(message)
            before = other if isinstance(other, str) else other.name
            self.edges.append(FlowEdge(before, self.name, OnFailure(on_failure)))
        return self


class Flow:
    """A graph of jobs. `Jobs.start_flow` and `JobContext.flow` create them all in one transaction.

    ``id`` is set when it is started.
    """

    def __init__(self, title: str) -> None:
        self.title = title
        self.id: UUID | None = None
        self.jobs: list[FlowJob] = []

    def spawn(self, type_name: str, payload: Any = None, *, name: str | None = None, **choices: Any) -> FlowJob:
        """Add a job; ``name`` is unique in the flow, by default the name of the type.

        ``choices`` are those of a child: ``title``, ``queue``, ``priority``, ``unique_key``, ``max_attempts``,
        ``tolerant``, ``tags`` and ``run_at``, before which it does not start.
        """
        job = FlowJob(type_name if name is None else name, type_name, payload, choices)
        self.jobs.append(job)
        return job

    @property
    def edges(self) -> Sequence[FlowEdge]:
        """All edges, in the order of the jobs that they lead to."""
        return [edge for job in self.jobs for edge in job.edges]

    def check(self) -> None:
        """Raise `InvalidFlow` unless the jobs form a graph that can be started."""
        if objection := _TITLE.objection("The title of a flow", self.title):
            raise InvalidFlow(objection, "title")
        self._check_size()
        self._check_names()
        self._check_edges()

    def _check_size(self) -> None:
        if not self.jobs:
            message = f"The flow “{self.title}” has no jobs."
            raise InvalidFlow(message, "jobs")
        for most, count, what in ((MOST_JOBS, len(self.jobs), "jobs"), (MOST_EDGES, len(self.edges), "edges")):
            if count > most:
                message = (
                    f"A flow can have at most {most:,} {what}, not {count:,}. "
                    "Let one job divide the work among its child jobs."
                )
                raise InvalidFlow(message, "jobs")

    def _check_names(self) -> None:
        seen: set[str] = set()
        for place, job in enumerate(self.jobs):
            if objection := _NAME.objection("The name of a job in a flow", job.name):
                raise InvalidFlow(objection, "jobs", place, "name")
            if job.name in seen:
                message = f"Two jobs of the flow have the name “{job.name}”. Give each a name of its own."
                raise InvalidFlow(message, "jobs", place, "name")
            seen.add(job.name)

    def _check_edges(self) -> None:
        names = {job.name for job in self.jobs}
        for place, job in enumerate(self.jobs):
            followed: set[str] = set()
            for number, edge in enumerate(job.edges):
                if edge.before not in names:
                    message = f"The job “{job.name}” follows “{edge.before}”, but the flow has no job of that name."
                    raise InvalidFlow(message, "jobs", place, "after", number)
                if edge.before in followed:
                    message = f"The job “{job.name}” follows “{edge.before}” twice."
                    raise InvalidFlow(message, "jobs", place, "after", number)
                followed.add(edge.before)
        self._check_circle(names)

    def _check_circle(self, names: Collection[str]) -> None:
        graph: dict[str, set[str]] = {name: set() for name in names}
        for edge in self.edges:
            graph[edge.after].add(edge.before)
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            circle: list[str] = error.args[1]
            message = f"The jobs of the flow wait for each other in a circle: {' → '.join(_shortened(circle))}."
            place = next(place for place, job in enumerate(self.jobs) if job.name == circle[-1])
            raise InvalidFlow(message, "jobs", place, "after") from None


def _shortened(circle: Sequence[str], most: int = 6) -> Sequence[str]:
    return circle if len(circle) <= most else [*circle[: most - 2], "…", circle[-1]]
