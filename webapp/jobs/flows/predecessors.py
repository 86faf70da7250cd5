"""What a job can read of the jobs that it follows: their results, files and child jobs.

Nothing is read before somebody asks for it, and then for all predecessors at once.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any, BinaryIO, Protocol
from uuid import UUID

from sqlalchemy import Engine, Row, Select, or_, select

from webapp.db.engine import reading
from webapp.db.retry import retry_while_away
from webapp.jobs.model.job import Job, Status
from webapp.jobs.store.attachments import Attachment
from webapp.jobs.store.file_store import FileStore
from webapp.schema import attachments, dependencies, flow_jobs, jobs


class NotAPredecessor(KeyError):
    """Raised when a job asks for the results of a job that it does not follow."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        """Name the job, and those that it follows."""
        self.sentence = f"This job does not follow a job “{name}”. It follows: {', '.join(sorted(known)) or 'none'}."
        super().__init__(name)

    def __str__(self) -> str:
        """Return the sentence, not its representation."""
        return self.sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class PartResult:
    """A child of a predecessor: how it ended, and its metadata."""

    id: UUID
    name: str | None
    type: str
    status: Status
    result: Mapping[str, Any]


class PredecessorFile:
    """An output file of a predecessor."""

    def __init__(self, files: FileStore, attachment: Attachment | Any) -> None:
        self.name: str = attachment.name
        self.size: int = attachment.size
        self.media_type: str = attachment.media_type
        self._id: UUID = attachment.id
        self._files = files

    def open(self) -> BinaryIO:
        """Open the file for reading, from its beginning."""
        return self._files.open(self._id)


class PredecessorSource(Protocol):
    """Where the predecessors of one job are read."""

    def predecessors(self) -> Sequence[Any]:
        """Return rows with ``id``, ``name``, ``type``, ``status`` and ``metadata``."""

    def files(self) -> Mapping[UUID, Mapping[str, PredecessorFile]]:
        """Return the output files of all predecessors, by name."""

    def parts(self) -> Mapping[UUID, Sequence[PartResult]]:
        """Return the children of all predecessors, oldest first."""


class Predecessor:
    """A job that this one follows. Its ``result`` is its metadata, which `JobContext.save_metadata` has written.

    ``name`` is its name in the flow; that of a job outside of a flow is its id.
    """

    def __init__(self, row: Any, predecessors: "Predecessors") -> None:
        self.id: UUID = row.id
        self.name: str = row.name or str(row.id)
        self.type: str = row.type
        self.status = Status(row.status)
        self.result: Mapping[str, Any] = MappingProxyType(dict(row.metadata))
        self._all = predecessors

    @property
    def files(self) -> Mapping[str, PredecessorFile]:
        """Its output files by name, without those that were removed."""
        return self._all.files.get(self.id, {})

    @property
    def parts(self) -> Sequence[PartResult]:
        """Its child jobs, oldest first."""
        return self._all.parts.get(self.id, ())


class Predecessors(Mapping[str, Predecessor]):
    """The predecessors of a job by name, oldest first."""

    def __init__(self, source: PredecessorSource) -> None:
        self._source = source

    def __getitem__(self, name: str) -> Predecessor:
        """Return a predecessor; raise `NotAPredecessor`."""
        try:
            return self._by_name[name]
        except KeyError:
            raise NotAPredecessor(name, tuple(self._by_name)) from None

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names."""
        return iter(self._by_name)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._by_name)

    @cached_property
    def files(self) -> Mapping[UUID, Mapping[str, PredecessorFile]]:
        """The output files of all predecessors, read at once."""
        return self._source.files()

    @cached_property
    def parts(self) -> Mapping[UUID, Sequence[PartResult]]:
        """The children of all predecessors, read at once."""
        return self._source.parts()

    @cached_property
    def _by_name(self) -> dict[str, Predecessor]:
        found = (Predecessor(row, self) for row in self._source.predecessors())
        return {each.name: each for each in found}


class StoredPredecessors:
    """Reads the predecessors of a job that it may read: those of the same owner, and public ones."""

    def __init__(self, engine: Engine, job: Job, files: FileStore, retry_seconds: float = 0.0) -> None:
        self._engine = engine
        self._files = files
        self._retry_seconds = retry_seconds  # how long reads are retried while the database is away
        same_owner = jobs.c.owner_id.is_not_distinct_from(job.owner.user_id)
        same_tenant = jobs.c.tenant.is_not_distinct_from(job.owner.tenant)
        self._ids = (
            select(jobs.c.id)
            .join(dependencies, dependencies.c.after_id == jobs.c.id)
            .where(dependencies.c.job_id == job.id, same_tenant, or_(same_owner, jobs.c.public))
        )

    def predecessors(self) -> Sequence[Any]:
        """Return the predecessors, oldest first."""
        columns = (jobs.c.id, flow_jobs.c.name, jobs.c.type, jobs.c.status, jobs.c.metadata)
        found = select(*columns).outerjoin(flow_jobs, flow_jobs.c.job_id == jobs.c.id)
        return self._read(found.where(jobs.c.id.in_(self._ids)).order_by(jobs.c.id))

    def files(self) -> Mapping[UUID, Mapping[str, PredecessorFile]]:
        """Return their output files."""
        kept = (attachments.c.role == "output", attachments.c.deleted_at.is_(None))
        columns: Any = (attachments.c[name] for name in ("id", "job_id", "name", "size", "media_type"))
        rows = select(*columns).where(attachments.c.job_id.in_(self._ids), *kept).order_by(attachments.c.id)
        found: dict[UUID, dict[str, PredecessorFile]] = defaultdict(dict)
        for row in self._read(rows):
            found[row.job_id][row.name] = PredecessorFile(self._files, row)
        return found

    def parts(self) -> Mapping[UUID, Sequence[PartResult]]:
        """Return their children."""
        columns = (jobs.c.id, jobs.c.root_id, jobs.c.child_name, jobs.c.type, jobs.c.status, jobs.c.metadata)
        rows = select(*columns).where(jobs.c.root_id.in_(self._ids)).order_by(jobs.c.id)
        found: dict[UUID, list[PartResult]] = defaultdict(list)
        for row in self._read(rows):
            part = PartResult(
                id=row.id, name=row.child_name, type=row.type, status=Status(row.status), result=row.metadata
            )
            found[row.root_id].append(part)
        return found

    def _read(self, query: Select[Any]) -> Sequence[Row[Any]]:
        def read() -> Sequence[Row[Any]]:
            with reading(self._engine) as connection:
                return connection.execute(query).all()

        return retry_while_away(read, seconds=self._retry_seconds)
