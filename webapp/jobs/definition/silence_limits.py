"""How long a job can report nothing before it counts as lost: by the installation, by job type and by name."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from types import MappingProxyType

from webapp.jobs.definition.job_type import JobType
from webapp.jobs.model.policies import INSTALLATION_DEFAULT


@dataclass(frozen=True, slots=True, kw_only=True)
class SilenceLimits:
    """The limits of an installation; ``None`` means never.

    A name that the installation sets comes first, then what the type declares, then the default. The
    default is never shorter than the type's timeout, for which its author allows it to run.
    """

    default: timedelta | None = None
    by_name: Mapping[str, timedelta | None] = field(default_factory=lambda: MappingProxyType({}))

    def applied_to(self, job_type: JobType) -> JobType:
        """Return the type with its limit in this installation."""
        if job_type.name in self.by_name:
            return replace(job_type, stale_after=self.by_name[job_type.name])
        if job_type.stale_after != INSTALLATION_DEFAULT:
            return job_type
        return replace(job_type, stale_after=self.default and max(self.default, job_type.timeout))
