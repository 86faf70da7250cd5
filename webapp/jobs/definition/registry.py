"""The registry of an installation's job types, and of the services that its own modules add for them."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from webapp.jobs.definition.job_type import JobType
from webapp.jobs.definition.own_services import OwnService
from webapp.jobs.definition.silence_limits import SilenceLimits
from webapp.jobs.model.rate import Rate


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


@dataclass(frozen=True, slots=True)
class TypeGroups:
    """The types that their declarations have in common, whoever asks; almost every request needs them."""

    private: frozenset[str]  # what a job writes shows what its owner can see
    unlisted: frozenset[str]
    asking_for_password: frozenset[str]
    acting_as_owner: frozenset[str]
    self_approvable: frozenset[str]
    with_hooks: frozenset[str]  # those with ``on_failed``
    with_approval: tuple[JobType, ...]

    @classmethod
    def of(cls, types: Iterable[JobType]) -> "TypeGroups":
        """Return the groups of these types."""
        known = tuple(types)
        return cls(
            private=frozenset(kind.name for kind in known if kind.private_output),
            unlisted=frozenset(kind.name for kind in known if not kind.listed),
            asking_for_password=frozenset(kind.name for kind in known if kind.asks_password),
            acting_as_owner=frozenset(kind.name for kind in known if kind.acts_as_owner),
            self_approvable=frozenset(kind.name for kind in known if kind.approval and kind.approval.also_self),
            with_hooks=frozenset(kind.name for kind in known if kind.on_failed),
            with_approval=tuple(kind for kind in known if kind.approval),
        )


class Registry:
    """The job types of an installation, by name, in the order of their registration.

    A deferred type is loaded when somebody asks for it, or for all types.
    """

    def __init__(self, silence: SilenceLimits | None = None) -> None:
        """Start empty; ``silence`` are the installation's limits on silent jobs, by default none."""
        self._silence = silence or SilenceLimits()
        self._queues: dict[str, str] = {}  # by the name of the type, in the order of registration
        self._types: dict[str, JobType] = {}
        self._deferred: dict[str, Callable[[], object]] = {}
        self._services: dict[type, OwnService] = {}
        self._groups: TypeGroups | None = None  # until the next type is added or deferred

    def defer(self, name: str, queue: str, load: Callable[[], object]) -> None:
        """Let ``load`` register the job type of this name, which has this queue, when it is needed."""
        self._queues[name] = queue
        self._deferred[name] = load
        self._groups = None

    def load_all(self) -> None:
        """Load the deferred types, for a process that forks or has threads."""
        for name in tuple(self._deferred):
            self._load(name)

    def add(self, job_type: JobType) -> None:
        """Register a job type; raises `DuplicateJobType` if the name is taken."""
        self._load(job_type.name)
        known = self._types.get(job_type.name)
        if known and not job_type.replaces:
            message = (
                f"Two job types are named {job_type.name!r}: {known.location} ({known.place}) and "
                f"{job_type.location} ({job_type.place}). "
                "Rename one, or set replaces=True."
            )
            raise DuplicateJobType(message)
        self._types[job_type.name] = self._silence.applied_to(job_type)
        self._queues[job_type.name] = job_type.queue
        self._groups = None

    def add_service(self, service: OwnService) -> None:
        """Register a service of the application; raises `DuplicateService` if its class has one."""
        known = self._services.setdefault(service.provides, service)
        if known is not service:
            raise DuplicateService(known, service)

    @property
    def queues(self) -> tuple[str, ...]:
        """The queues of the types, each once; no type is loaded for that."""
        return tuple(dict.fromkeys(self._queues.values()))

    @property
    def groups(self) -> TypeGroups:
        """The types by what they have in common. Those that users or operators disable belong to them too."""
        groups = self._groups
        if groups is None:
            groups = TypeGroups.of(self)  # which may load deferred types
            self._groups = groups
        return groups

    @property
    def services(self) -> Mapping[type, OwnService]:
        """The services of the application by class."""
        return MappingProxyType(self._services)

    def get(self, name: str) -> JobType:
        """Return the type of that name; raises `UnknownJobType`."""
        self._load(name)
        try:
            return self._types[name]
        except KeyError:
            raise UnknownJobType(name) from None

    def title_of(self, name: str) -> str:
        """Return the title of a type, or the name of one that is not installed any more."""
        known = self._types.get(name)
        return known.title if known else name

    def rate_of(self, name: str) -> Rate | None:
        """Return the rate of a type; ``None`` if it has none or is not installed any more."""
        return self.get(name).limits.rate if name in self else None

    def __iter__(self) -> Iterator[JobType]:
        """Iterate over all types, in the order of their registration."""
        self.load_all()
        return iter([self._types[name] for name in self._queues])

    def __contains__(self, name: str) -> bool:
        """Return whether a type of that name is registered."""
        return name in self._queues

    def _load(self, name: str) -> None:
        if (load := self._deferred.pop(name, None)) is not None:
            load()
