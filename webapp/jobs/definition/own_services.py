"""Services of the application: `@job_service`, in a module of job types, registers the function that creates one.

A service is made for each attempt that needs it and closed after it, so that no job meets what another one left.
"""

import inspect
import sys
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar, get_args, get_origin

from webapp.jobs.definition.declaration import BadJobType, requested_services, type_hints_of
from webapp.jobs.definition.lazy_handlers import place_of
from webapp.jobs.definition.module_declarations import remember

T = TypeVar("T")
_GENERATORS = (Iterator, Generator)


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnService:
    """A service that a module of job types registers: the class by which handlers request it, and what makes it."""

    provides: type
    make: Callable[..., Any]
    needs: Mapping[str, type]
    place: str
    closes: bool  # a generator: what follows its yield runs when the attempt has ended

    def __call__(self, **needs: Any) -> Any:
        """Call the function, for tests."""
        return self.make(**needs)


def job_service(make: Callable[..., Any]) -> OwnService:
    """Register a function that makes a service, whose class is its return type.

    Its parameters request other services by class. A generator function yields the service once; the rest runs when
    the attempt has ended, and an error of the attempt is raised at its yield.
    """
    if not inspect.isfunction(make):
        raise BadJobType(_place(make), f"@job_service needs a function that makes the service, not {make!r}.")
    place = _place(make)
    if inspect.iscoroutinefunction(make) or inspect.isasyncgenfunction(make):
        raise BadJobType(place, f"The service {make.__qualname__} is async. Make it a plain function.")
    hints = type_hints_of(place, make.__qualname__, make)
    closes = inspect.isgeneratorfunction(make)
    provides = _yielded(hints.get("return")) if closes else hints.get("return")
    if not isinstance(provides, type) or provides is type(None):
        example = "Iterator[Mailer]" if closes else "Mailer"
        message = f"The service {make.__qualname__} must name its class as its return type, such as `-> {example}`."
        raise BadJobType(place, message)
    needs = requested_services(place, make.__qualname__, list(inspect.signature(make).parameters.values()), hints)
    service = OwnService(provides=provides, make=make, needs=needs, place=place, closes=closes)
    remember(service, sys._getframe(1))  # noqa: SLF001  (the module that applies the decorator)
    return service


def refuse_circular_service(own: OwnService, known: Mapping[type, OwnService]) -> None:
    """Raise `BadJobType` if a service needs itself, directly or through others."""
    needed, new = set[type](), {own.provides}
    while new:
        new = {need for wanted in new if wanted in known for need in known[wanted].needs.values()} - needed
        needed |= new
    if own.provides in needed:
        raise BadJobType(own.place, f"The service {own.provides.__name__} needs itself.")


class ServiceProvider:
    """Supplies the services of one attempt: Deskjob's, and the application's, which are created and closed for it."""

    def __init__(self, built_in: Mapping[type, Any], own: Mapping[type, OwnService]) -> None:
        self._made: dict[type, Any] = dict(built_in)
        self._own = own
        self._stack = ExitStack()

    def call(self, function: Callable[..., T], needs: Mapping[str, type]) -> T:
        """Call a function with the services that it needs by the names of its parameters; close them afterwards.

        What the function or the making of a service raises is raised at the ``yield`` of every service that was
        made before, and here, even if a service swallows it.
        """
        raised: BaseException | None = None
        with self._stack:
            try:
                return function(**self._supply(needs))
            except BaseException as error:
                raised = error
                raise
        raise raised

    def _supply(self, needs: Mapping[str, type]) -> dict[str, Any]:
        return {name: self._get(wanted) for name, wanted in needs.items()}

    def _get(self, wanted: type) -> Any:
        if wanted not in self._made:
            self._made[wanted] = self._make(self._own[wanted])
        return self._made[wanted]

    def _make(self, own: OwnService) -> Any:
        needs = self._supply(own.needs)
        made = self._stack.enter_context(contextmanager(own.make)(**needs)) if own.closes else own.make(**needs)
        if not isinstance(made, own.provides):
            message = f"The service {own.make.__qualname__} ({own.place}) made {made!r}, not a {own.provides.__name__}."
            raise TypeError(message)
        return made


def _yielded(hint: Any) -> Any:
    return get_args(hint)[0] if get_origin(hint) in _GENERATORS and get_args(hint) else None


def _place(make: Any) -> str:
    code = getattr(make, "__code__", None)
    return f"{code.co_filename}:{code.co_firstlineno}" if code else place_of(make)
