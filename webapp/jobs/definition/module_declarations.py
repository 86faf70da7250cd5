"""Remembers what the body of each module declares: two functions can have one name, of which a module keeps the last.

A module that is imported again or reloaded forgets what it declared before.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import CodeType, FrameType, ModuleType
from weakref import WeakKeyDictionary


@dataclass(slots=True)
class _Body:
    """One execution of a module, which has code of its own each time, and what it declared."""

    code: CodeType
    declared: list[object] = field(default_factory=list)


_bodies: WeakKeyDictionary[ModuleType, _Body] = WeakKeyDictionary()


def remember(declaration: object, frame: FrameType | None) -> None:
    """Note a declaration for the module whose body executes ``frame``; do nothing outside an import."""
    while frame and not (frame.f_code.co_name == "<module>" and _module_of(frame)):
        frame = frame.f_back
    module = _module_of(frame) if frame else None
    if frame is None or module is None:
        return
    body = _bodies.get(module)
    if body is None or body.code is not frame.f_code:
        body = _bodies[module] = _Body(frame.f_code)
    body.declared.append(declaration)


def declared_by(module: ModuleType) -> Iterator[object]:
    """Yield what a module and the imported modules below it declared, each in its order."""
    below = f"{module.__name__}."
    for part in [module, *(each for name, each in list(sys.modules.items()) if name.startswith(below))]:
        if body := _bodies.get(part):
            yield from body.declared


def _module_of(frame: FrameType) -> ModuleType | None:
    """Return the imported module that a frame belongs to; a program (`__main__`) is none."""
    name = frame.f_globals.get("__name__", "")
    module = sys.modules.get(name)
    return module if name != "__main__" and module and vars(module) is frame.f_globals else None
