"""An order: which type is asked for, for whom, and what its form shows first."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from webapp.jobs.files import StoredFile
from webapp.jobs.job import Job, Owner
from webapp.jobs.job_type import JobType


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Which type, where its form is sent, for whom; of which job it is a repetition, and what that had been given."""

    job_type: JobType
    address: str
    owner: Owner
    again_of: Job | None = None
    initial: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, StoredFile] = field(default_factory=dict)
    secrets: frozenset[str] = frozenset()

    @property
    def title(self) -> str:
        """Return the title to begin with: the old one, if somebody had chosen it."""
        old = self.again_of.title if self.again_of else ""
        return old if old != self.job_type.title else ""
