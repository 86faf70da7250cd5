"""Handlers that only look as if they ran: `async def` and generators return at once and run no line.

They are refused when they are declared, also behind wrappers that only call them. What a declaration cannot show,
such as a lambda around a coroutine function, is refused when the handler returns.
"""

import dis
import inspect
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterator
from functools import partial
from typing import Any

_KINDS: tuple[tuple[Callable[[Any], bool], str], ...] = (
    (inspect.iscoroutinefunction, "an async function. Make it a plain function that calls asyncio.run(…)"),
    (inspect.isasyncgenfunction, "an async generator. Make it a plain function that calls asyncio.run(…)"),
    (inspect.isgeneratorfunction, "a generator. Remove its yield"),
)
_RUNNERS = re.compile(r"run|loop|sync|submit|send|start|portal|\b(list|tuple|deque|next|sum|all|any)\b")
_LAZY = (Awaitable, AsyncGenerator, Generator, map, filter)


class LazyHandler(TypeError):
    """Raised for a handler that would return before any of its lines has run."""


def refuse_lazy_handler(handler: Callable[..., Any]) -> None:
    """Raise `LazyHandler`, with the place, for a coroutine function or a generator function."""
    for function in _wrapped_functions(handler):
        for is_kind, kind in _KINDS:
            if is_kind(function):
                place = place_of(function)
                message = f"The handler {place} is {kind}: otherwise it returns before any of its lines runs."
                raise LazyHandler(message)


def refuse_lazy_result(result: Any, handler: Callable[..., Any]) -> None:
    """Raise `LazyHandler` if a handler returned a coroutine or generator, which is never run."""
    if not isinstance(result, _LAZY):
        return
    if inspect.iscoroutine(result):
        result.close()  # otherwise Python warns that nobody awaited it
    message = f"The handler {place_of(handler)} returned a {type(result).__name__}, which is never run."
    raise LazyHandler(message)


def place_of(handler: Callable[..., Any]) -> str:
    """Return the name of a handler with its file and line."""
    function = _function_of(handler)
    name = getattr(function, "__qualname__", type(handler).__qualname__)
    code = getattr(function, "__code__", None)
    return f"{name} ({code.co_filename}:{code.co_firstlineno})" if code else name


def _wrapped_functions(handler: Callable[..., Any]) -> Iterator[Callable[..., Any]]:
    """Yield the function of a handler and those that it wraps, up to one that could run what it wraps."""
    function = _function_of(handler)
    yield function
    while (wrapped := getattr(function, "__wrapped__", None)) is not None and not _could_run(function):
        function = _function_of(wrapped)
        yield function


def _could_run(wrapper: Callable[..., Any]) -> bool:
    """Return whether a wrapper has a loop or calls by a name such as `asyncio.run`, which could run what it wraps."""
    code = getattr(wrapper, "__code__", None)
    if code is None:
        return True
    names = " ".join((*code.co_names, *code.co_freevars))
    return _RUNNERS.search(names) is not None or any(step.opname == "FOR_ITER" for step in dis.get_instructions(code))


def _function_of(handler: Callable[..., Any]) -> Callable[..., Any]:
    while isinstance(handler, partial | staticmethod):
        handler = handler.func if isinstance(handler, partial) else handler.__func__
    if inspect.isroutine(handler) or not callable(handler):
        return handler
    function: Callable[..., Any] = type(handler).__call__
    return function
