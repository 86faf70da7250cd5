"""The registry of an installation's job types, and of the services that its own modules add for them."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from webapp.jobs.definition.job_type import JobType
from webapp.jobs.definition.own_services import OwnService
from webapp.jobs.definition.silence_limits import SilenceLimits


class UnknownJobType(Exception):
    """Raised when no job type of that name is registered."""

    def __init__(self, name: str) -> None:
        """Name the missing type."""
        super().__init__(f"There is no job type {name!r}. It was removed or is not installed here.")


class DuplicateJobType(Exception):
    """Raised when two job types have the same name and the second one does not set ``replaces=True``."""


class DuplicateService(Exception):
    """Raised when two functions make the service of one class."""

    def __init__(self, known: OwnService, second: OwnService) -> None:
        """Name both places."""
        super().__init__(f"The service {second.provides.__name__} is made twice: {known.place} and {second.place}.")


class Registry:
    """The job types of an installation, by name, in the order of their registration."""

    def __init__(self, silence: SilenceLimits | None = None) -> None:
        """Start empty; ``silence`` are the installation's limits on silent jobs, by default none."""
        self._silence = silence or SilenceLimits()
        self._types: dict[str, JobType] = {}
        self._services: dict[type, OwnService] = {}
        self.types_with_hooks = frozenset[str]()  # the names of the job types with ``on_failed``

    def add(self, job_type: JobType) -> None:
        """Register a job type; raises `DuplicateJobType` if the name is taken."""
        known = self._types.get(job_type.name)
        if known and not job_type.replaces:
            message = (
                f"Two job types are named {job_type.name!r}: {known.location} ({known.place}) and "
                f"{job_type.location} ({job_type.place}). "
                "Rename one, or set replaces=True."
            )
            raise DuplicateJobType(message)
        self._types[job_type.name] = self._silence.applied_to(job_type)
        self.types_with_hooks = frozenset(kind.name for kind in self if kind.on_failed)

    def add_service(self, service: OwnService) -> None:
        """Register a service of the application; raises `DuplicateService` if its class has one."""
        known = self._services.setdefault(service.provides, service)
        if known is not service:
            raise DuplicateService(known, service)

    @property
    def services(self) -> Mapping[type, OwnService]:
        """The services of the application by class."""
        return MappingProxyType(self._services)

    def get(self, name: str) -> JobType:
        """Return the type of that name; raises `UnknownJobType`."""
        try:
            return self._types[name]
        except KeyError:
            raise UnknownJobType(name) from None

    def __iter__(self) -> Iterator[JobType]:
        """Iterate over all types, in the order of their registration."""
        return iter(self._types.values())

    def __contains__(self, name: str) -> bool:
        """Return whether a type of that name is registered."""
        return name in self._types
