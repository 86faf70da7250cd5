import sys
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from tests.jobs.conftest import HOLDER, Nothing, run_once
from webapp.accounts.tokens import Scope
from webapp.accounts.user import User
from webapp.app import create_app
from webapp.config import BadSettingError
from webapp.jobs.definition.job_type import job_type
from webapp.jobs.execution.context import JobContext
from webapp.services import Services
from webapp.telemetry import traces

REMOTE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    traces.switch_on("http://127.0.0.1:1/v1/traces", program="test", make_exporter=lambda: exporter)
    yield exporter
    traces.switch_off()


def breaks(job: JobContext, payload: Nothing) -> None:
    raise ValueError("broken")


def attributes(span: Any) -> dict[str, Any]:
    return dict(span.attributes or {})


@pytest.fixture
def lease(services: Services) -> UUID:
    return services.leases.open(HOLDER, "default")


def test_without_the_setting_nothing_is_measured_or_imported(app: Flask) -> None:
    assert not traces.is_on()
    assert traces.trace_parent() is None
    with traces.span("nothing") as span:
        assert span is None
    app.test_client().get("/login")


def test_an_attempt_links_to_the_request_that_created_its_job(
    spans: InMemorySpanExporter, app: Flask, services: Services, user: User, lease: UUID
) -> None:
    services.registry.add(job_type("poor", title="Poor")(breaks))
    _token, secret = services.tokens.add(user, "program", [Scope.START])
    answer = app.test_client().post(
        "/api/v1/jobs", json={"type": "poor"}, headers={"Authorization": f"Bearer {secret}"}
    )
    run_once(services, "default", lease)
    request, attempt = spans.get_finished_spans()
    assert (request.name, attempt.name) == ("POST api.create_job", "attempt poor")
    assert attributes(request)["http.response.status_code"] == 202
    assert attributes(request)["deskjob.request_id"] == answer.headers["X-Request-ID"]
    assert attributes(attempt)["deskjob.job_id"] == answer.json["id"]
    assert attempt.status.status_code is StatusCode.ERROR
    assert [link.context.span_id for link in attempt.links] == [request.context.span_id]
    assert attempt.context.trace_id != request.context.trace_id, "a job can wait for days"


def test_only_a_trusted_proxy_continues_its_trace(spans: InMemorySpanExporter, services: Services) -> None:
    for proxies in ("", "1"):
        app = create_app(services.settings.model_copy(update={"trusted_proxies": proxies}))
        app.test_client().get("/login", headers={"traceparent": REMOTE})
        app.test_client().get("/login", headers={"traceparent": "garbage"})
    alone, alone_too, continued, unreadable = spans.get_finished_spans()
    assert {alone.parent, alone_too.parent, unreadable.parent} == {None}
    assert f"{continued.context.trace_id:032x}" == REMOTE.split("-")[1]


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace.export", None)
    with pytest.raises(BadSettingError, match=r"deskjob\[otel\]"):
        traces.switch_on("http://127.0.0.1:1", program="test")
