import json
import logging
from typing import Any

import pytest
from pydantic import SecretStr

from webapp.config import Settings
from webapp.telemetry import log_context
from webapp.telemetry.log_format import JsonFormat, LogMask, TextFormat, log_format

KEY = "k" * 40


def record(message: str, *arguments: object, **extra: Any) -> logging.LogRecord:
    return logging.getLogger("webapp.test").makeRecord(
        "webapp.test", logging.WARNING, "file.py", 1, message, arguments, None, extra=extra
    )


def line(message: str, *arguments: object, **extra: Any) -> dict[str, Any]:
    text = JsonFormat(LogMask([KEY])).format(record(message, *arguments, **extra))
    assert "\n" not in text
    return json.loads(text)


def test_a_line_is_a_json_object_with_the_fields_of_its_context() -> None:
    with log_context.request("0123456789"), log_context.process_fields(worker="w1"):
        log_context.add_request_fields(user="ann")
        found = line("job %s\nwas late", 7, seconds=1.5)
    assert found.keys() >= {"at", "level", "logger", "message", "process"}
    assert found["at"].endswith("+00:00")
    assert (found["message"], found["level"], found["seconds"]) == ("job 7\nwas late", "WARNING", 1.5)
    assert (found["request_id"], found["worker"], found["user"]) == ("0123456789", "w1", "ann")
    assert line("later").keys().isdisjoint({"request_id", "worker", "user"})


def test_an_error_has_its_type_message_and_traceback() -> None:
    try:
        int("broken")
    except ValueError as error:
        found = record("failed")
        found.exc_info = (ValueError, error, error.__traceback__)
    error_of_line = json.loads(JsonFormat(LogMask()).format(found))["error"]
    assert (error_of_line["type"], error_of_line["message"][:15]) == ("ValueError", "invalid literal")
    assert error_of_line["traceback"].startswith("Traceback")


@pytest.mark.parametrize(
    "text",
    [
        f"the key is {KEY}.",
        "Authorization: Bearer s3cr3t-value",
        "token dj_s3cr3ts3cr3ts3cr3ts3cr3ts3cr3ts3cr3ts3cr was refused",
        "webhook whsec_s3cr3ts3cr3ts3cr3t",
        "postgresql://ann:s3cr3t@db/deskjob",
        "GET /hooks?api_key=s3cr3t&x=1",
        "GET /x?access_token=s3cr3t",
    ],
)
def test_secrets_are_hidden_in_both_formats(text: str) -> None:
    mask = LogMask([KEY])
    for hidden in (JsonFormat(mask).format(record(text, note=text)), TextFormat(mask).format(record(text))):
        assert "s3cr3t" not in hidden
        assert KEY not in hidden
        assert "***" in hidden


def test_ordinary_texts_are_not_changed() -> None:
    for text in ("https://example.org/jobs?tab=all&q=token", "Bearer in mind", "dj_short", "12:30 user@example.org"):
        assert LogMask([KEY]).text(text) == text


def test_the_settings_choose_the_format_and_name_the_secrets() -> None:
    assert isinstance(log_format(Settings(log_format="json")), JsonFormat)
    text = log_format(Settings(secret_key=SecretStr(KEY)), "another secret")
    assert isinstance(text, TextFormat)
    assert "another" not in text.format(record("another secret and " + KEY))


def test_values_that_json_does_not_have_become_texts() -> None:
    found = line("x", at_all=float("inf"), kinds={"a": (1, None)}, thing=object)
    assert found["kinds"] == {"a": [1, None]}
    assert isinstance(found["thing"], str)
