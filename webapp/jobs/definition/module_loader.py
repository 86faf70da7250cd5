"""Loads the job types of a module into the registry, or says in one sentence what is wrong with it and where."""

import signal
import sysconfig
import traceback
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from threading import current_thread, main_thread
from types import FrameType, ModuleType
from typing import Any, Self

from webapp.config import BadSettingError
from webapp.jobs.definition.declaration import BadJobType
from webapp.jobs.definition.job_type import JobType
from webapp.jobs.definition.lazy_handlers import LazyHandler
from webapp.jobs.definition.module_declarations import declared_by
from webapp.jobs.definition.own_services import OwnService, refuse_circular_service
from webapp.jobs.definition.registry import DuplicateJobType, DuplicateService, Registry
from webapp.jobs.model.incoming_text import clean_text

_ENGINE = str(Path(__file__).parents[1])  # its own lines are no place of a mistake
_LIBRARIES = tuple({sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")})  # nor theirs
_MESSAGE_LIMIT = 300  # characters of what a module raised


class JobTypeModules:
    """Loads modules of job types; ``roles`` and ``services`` are those of the installation.

    Services are given as ``module:Class``, so that those that no type requests are not imported.
    """

    def __init__(self, registry: Registry, *, roles: Collection[str], services: Collection[str]) -> None:
        self._registry = registry
        self._roles = roles
        self._services = services
        self._added: dict[int, object] = {}  # by identity: a package and one of its modules can both be named

    def add(self, source: str, name: str, load: Callable[[], object]) -> None:
        """Register the job types of a module; raise `BadSettingError` that begins with ``source``."""
        problem = self._add(load)
        if problem:
            message = f"{source} cannot be used ({name!r}): {problem.rstrip('.')}."
            raise BadSettingError(message)

    def _add(self, load: Callable[[], object]) -> str:
        """Return what is wrong; an empty text if nothing is."""
        ctrl_c = _CtrlC()
        try:
            with ctrl_c:
                module = load()
        except (BadJobType, LazyHandler) as error:
            return str(error)
        except BaseException as error:
            if ctrl_c.pressed:
                raise
            return _sentence(error)
        if not isinstance(module, ModuleType):
            return f"it is {type(module).__name__} and not a module"
        declared = _declarations(module)
        if not declared:
            return "it declares no job type. Use @job_type, and import the modules of a package in its __init__.py"
        new = [value for key, value in declared.items() if key not in self._added]
        self._added |= declared
        services = [value for value in new if isinstance(value, OwnService)]
        job_types = [value for value in new if isinstance(value, JobType)]
        try:
            self._register_services(services)
        except (BadJobType, DuplicateService) as error:
            return str(error)
        return next(filter(None, map(self._register, job_types)), "")

    def _register_services(self, services: Sequence[OwnService]) -> None:
        for service in services:
            if _place(service.provides) in self._services:
                name = service.provides.__name__
                raise BadJobType(service.place, f"{name} is a service of Deskjob; make a class of your own.")
            self._registry.add_service(service)
        for service in services:
            if problem := self._unknown_service(service.needs):
                raise BadJobType(service.place, problem)
            refuse_circular_service(service, self._registry.services)

    def _unknown_service(self, needs: Mapping[str, type]) -> str:
        """Return a sentence about the first requested class that is not a service; empty if all are."""
        own = self._registry.services
        for name, wanted in needs.items():
            if wanted not in own and _place(wanted) not in self._services:
                known = (*(place.partition(":")[2] for place in self._services), *(each.__name__ for each in own))
                names = ", ".join(sorted(known))
                what = f"The parameter {name!r} requests {wanted.__name__}, which is not a service."
                return f"{what} The services are: {names}"
        return ""

    def _register(self, job_type: JobType) -> str:
        if unknown := sorted(job_type.roles - set(self._roles)):
            known = ", ".join(self._roles)
            return f"{job_type.place}: There is no role {unknown[0]!r}. The roles are: {known}"
        if problem := self._unknown_service({**job_type.needs, **job_type.on_failed_needs}):
            return f"{job_type.place}: {problem}"
        try:
            self._registry.add(job_type)
        except DuplicateJobType as error:
            return str(error)
        return ""


def _declarations(module: ModuleType) -> dict[int, object]:
    """Return the job types and services of a module by identity, also those whose name something else has taken."""
    kept = (value for value in vars(module).values() if _belongs_to(value, module))
    return {id(value): value for value in (*declared_by(module), *kept)}


def _place(service: type) -> str:
    return f"{service.__module__}:{service.__qualname__}"


def _belongs_to(value: object, module: ModuleType) -> bool:
    """Return whether a value is a job type or a service that this module or one below it declares."""
    own = module.__name__
    if isinstance(value, OwnService):
        return value.make.__module__ == own or value.make.__module__.startswith(f"{own}.")
    return isinstance(value, JobType) and any(
        name == own or name.startswith(f"{own}.") for name in (value.handler.__module__, value.declared_in)
    )


class _CtrlC:
    """Notices whether a person interrupts an import: a module can raise `KeyboardInterrupt` as well."""

    def __init__(self) -> None:
        self.pressed = False
        self._previous: Any = None

    def __enter__(self) -> Self:
        if current_thread() is main_thread() and callable(previous := signal.getsignal(signal.SIGINT)):
            self._previous = previous
            signal.signal(signal.SIGINT, self._press)
        return self

    def __exit__(self, *_: object) -> None:
        if self._previous is not None and signal.getsignal(signal.SIGINT) == self._press:
            signal.signal(signal.SIGINT, self._previous)

    def _press(self, number: int, frame: FrameType | None) -> None:
        self.pressed = True
        self._previous(number, frame)


def _sentence(error: BaseException) -> str:
    if isinstance(error, SyntaxError):
        return f"{error.msg} ({error.filename}:{error.lineno})"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "importlib" not in frame.filename]
    places = [frame for frame in frames if not frame.filename.startswith((_ENGINE, "<"))]
    own = [frame for frame in places if not frame.filename.startswith(_LIBRARIES)] or places
    where = f" ({own[-1].filename}:{own[-1].lineno})" if own else ""
    lines = clean_text(error, _MESSAGE_LIMIT).strip().splitlines() or ["no message"]
    said = " ".join(" ".join(lines).split()) if lines[0].endswith(":") else lines[0]
    what = said if isinstance(error, ImportError) else f"{type(error).__name__}: {said}"
    return f"{what.rstrip('.')}{where}"
