import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial, wraps
from typing import Any

import pytest

from tests.jobs.conftest import Nothing
from webapp.jobs.definition.job_type import job_type
from webapp.jobs.definition.lazy_handlers import LazyHandler
from webapp.jobs.execution.context import JobContext
from webapp.jobs.model.job import Job, Status


async def coroutine(job: JobContext, payload: Nothing) -> None:
    """Run no line."""


async def async_generator(job: JobContext, payload: Nothing) -> AsyncIterator[int]:
    yield 1


def generator(job: JobContext, payload: Nothing) -> Iterator[int]:
    yield 1


class Called:
    async def __call__(self, job: JobContext, payload: Nothing) -> None:
        """Run no line."""

    async def method(self, job: JobContext, payload: Nothing) -> None:
        """Run no line."""


def in_a_thread(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def call(job: JobContext, payload: Nothing) -> None:
        with ThreadPoolExecutor() as executor:  # browser tests leave an event loop in the main thread
            executor.submit(asyncio.run, function(job, payload)).result()

    return call


def logged(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> object:
        begun = time.monotonic()
        try:
            return function(*args, **kwargs)
        finally:
            logging.getLogger(__name__).info("running %s took %s", function, time.monotonic() - begun)

    return call


def collected(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def call(job: JobContext, payload: Nothing) -> None:
        list(function(job, payload))

    return call


HANDLERS = {
    "coroutine": coroutine,
    "async generator": async_generator,
    "generator": generator,
    "callable object": Called(),
    "method": Called().method,
    "partial": partial(coroutine),
    "wrapped coroutine": logged(coroutine),
    "wrapped generator": logged(logged(generator)),
    "wrapped object": logged(Called()),
}


@pytest.mark.parametrize("handler", HANDLERS.values(), ids=HANDLERS)
def test_a_handler_that_runs_no_line_is_refused_with_its_place(handler: Callable[..., Any]) -> None:
    with pytest.raises(LazyHandler, match=r"The handler .+ \(.+test_lazy_handlers\.py:\d+\) is an? (async|generator)"):
        job_type("lazy", title="Lazy")(handler)


@pytest.mark.parametrize("handler", [in_a_thread(coroutine), collected(logged(generator))], ids=["async", "generator"])
def test_a_wrapper_that_runs_what_it_wraps_is_accepted(run: Callable[..., Job], handler: Callable[..., Any]) -> None:
    assert run(handler).status is Status.COMPLETED


@pytest.mark.parametrize(
    "make",
    [coroutine, async_generator, generator, lambda job, _: job.track([1]), lambda *_: map(print, [1])],
    ids=["coroutine", "async generator", "generator", "track", "map"],
)
def test_a_handler_that_returns_work_that_nobody_runs_fails(
    run: Callable[..., Job], make: Callable[..., object]
) -> None:
    def handler(job: JobContext, payload: Nothing) -> object:
        job.spawn("nothing")
        return make(job, payload)

    job = run(handler, max_attempts=3)
    assert (job.status, job.parts) == (Status.FAILED, 0)
    assert "which is never run." in job.errors[-1]["text"]
    assert "test_lazy_handlers.py:" in job.errors[-1]["text"]
