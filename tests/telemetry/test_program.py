import logging
from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from webapp.config import Settings
from webapp.telemetry import error_reports, traces
from webapp.telemetry.log_context import log_fields, set_process_fields
from webapp.telemetry.log_format import attempt_log
from webapp.telemetry.program import flush_telemetry, start_telemetry


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    handlers, level = [*logging.root.handlers], attempt_log.level
    yield
    logging.root.handlers[:] = handlers
    attempt_log.setLevel(level)
    set_process_fields(program=None)
    traces.switch_off()
    error_reports.switch_off()


def test_by_default_a_program_writes_a_log_and_sends_nothing() -> None:
    start_telemetry(Settings(), "k" * 40, program="clock")
    assert log_fields()["program"] == "clock"
    assert not attempt_log.isEnabledFor(logging.INFO), "people read the page of the job"
    assert not traces.is_on()
    assert not error_reports.is_on()
    flush_telemetry()


def test_the_settings_switch_on_each_part() -> None:
    settings = Settings(
        log_format="json", traces_url="http://127.0.0.1:1/v1/traces", sentry_dsn=SecretStr("http://a@127.0.0.1/1")
    )
    start_telemetry(settings, "k" * 40, program="worker")
    assert attempt_log.isEnabledFor(logging.INFO)
    assert traces.is_on()
    assert error_reports.is_on()
