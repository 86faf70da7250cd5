"""Traces with OpenTelemetry: a span for each request and each attempt, if `DESKJOB_TRACES_URL` says where to send them.

The package is imported when it is switched on. The exporter, which has a thread, starts with the first span of a
process, so that no fork inherits a dead one. An attempt is a trace of its own with a link to the request that caused
it: jobs can wait for days.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from webapp.config import BadSettingError

_LIBRARY = "deskjob"
_FLUSH_MILLISECONDS = 2000
MakeExporter = Callable[[], Any]


class _State:
    """How spans are sent; one per process."""

    def __init__(self) -> None:
        self.make_processor: Callable[[], Any] | None = None
        self.program = ""
        self.pid = 0
        self.provider: Any = None


_state = _State()


def switch_on(url: str, *, program: str, make_exporter: MakeExporter | None = None) -> None:
    """Send spans to this URL from now on; raise `BadSettingError` if OpenTelemetry is not installed."""
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
    except ImportError:
        message = "DESKJOB_TRACES_URL needs further packages: pip install 'deskjob[otel]'."
        raise BadSettingError(message) from None
    switch_off()
    if make_exporter is not None:
        _state.make_processor = lambda: SimpleSpanProcessor(make_exporter())
    else:
        _state.make_processor = lambda: BatchSpanProcessor(OTLPSpanExporter(endpoint=url))
    _state.program = program


def switch_off() -> None:
    """Stop sending."""
    flush()
    _state.make_processor = _state.provider = None


def is_on() -> bool:
    """Return whether spans are sent."""
    return _state.make_processor is not None


@contextmanager
def span(name: str, *, serves: bool = False, parent: str = "", link: str = "", **attributes: Any) -> Iterator[Any]:
    """Measure the block; yield the span, or None if traces are off.

    ``parent`` and ``link`` are in the format of the header ``traceparent``; an unreadable one is ignored.
    """
    if not is_on():
        yield None
        return
    from opentelemetry.trace import Link, SpanKind, get_current_span

    linked = get_current_span(_context_of(link)).get_span_context()
    with _tracer().start_as_current_span(
        name,
        context=_context_of(parent),
        kind=SpanKind.SERVER if serves else SpanKind.CONSUMER,
        links=[Link(linked)] if linked.is_valid else [],
        attributes=attributes,
    ) as current:
        yield current


def trace_parent() -> str | None:
    """Return the current span in the format of the header ``traceparent``."""
    if not is_on():
        return None
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    carrier: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(carrier)
    return carrier.get("traceparent")


def mark_failed(current: Any, description: str) -> None:
    """Give a span the status of an error."""
    if current is not None:
        from opentelemetry.trace import Status, StatusCode

        current.set_status(Status(StatusCode.ERROR, description))


def open_exporter() -> None:
    """Start the sender of spans in this process now, so that its thread is not blamed on a job."""
    if is_on():
        _tracer()


def flush() -> None:
    """Send what is left, before a process ends."""
    if _state.provider is not None and _state.pid == os.getpid():
        _state.provider.force_flush(_FLUSH_MILLISECONDS)


def _context_of(parent: str) -> Any:
    from opentelemetry.context import Context
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    carrier: Mapping[str, str] = {"traceparent": parent} if parent else {}
    return TraceContextTextMapPropagator().extract(carrier, context=Context())


def _tracer() -> Any:
    if _state.provider is None or _state.pid != os.getpid():
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider

        assert _state.make_processor is not None  # noqa: S101  (`is_on`)
        resource = Resource.create({"service.name": f"deskjob-{_state.program}"})
        _state.provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        _state.provider.add_span_processor(_state.make_processor())
        _state.pid = os.getpid()
    return _state.provider.get_tracer(_LIBRARY)
