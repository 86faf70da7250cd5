import traceback
from collections.abc import Callable

import pytest

from webapp.jobs import JobError
from webapp.jobs.metrics.error_signature import error_signature
from webapp.jobs.model.diagnostics import UNEXPECTED

TRACE = 'Traceback:\n  File "/app/webapp/a.py", line {line}, in {function}\n    x()\nValueError: broken\n'


@pytest.mark.parametrize(
    ("error", "same_error"),
    [
        ("Row 17 has no sku.", "Row 400 has no sku."),
        ("No job 0199f3a0-0000-7000-8000-0000000000aa", "No job 0199f3a0-ffff-7000-8000-0000000000bb"),
        ("KeyError: 'ana'", "KeyError: 'ben'"),
        ("No such file: /var/lib/a/x.csv", "No such file: /home/b/y.csv"),
        ("Timed out after 3.5 s", "Timed out  after 12.25 s"),
    ],
)
def test_variable_parts_do_not_change_the_fingerprint(error: str, same_error: str) -> None:
    assert error_signature("report", error).fingerprint == error_signature("report", same_error).fingerprint


def test_type_message_and_place_change_the_fingerprint() -> None:
    fingerprints = {
        error_signature("report", "broken").fingerprint,
        error_signature("import", "broken").fingerprint,
        error_signature("report", "empty").fingerprint,
        error_signature("report", "broken", TRACE.format(line=1, function="f")).fingerprint,
        error_signature("report", "broken", TRACE.format(line=1, function="g")).fingerprint,
    }
    assert len(fingerprints) == 5


def test_a_line_number_does_not_change_the_fingerprint() -> None:
    first, second = (error_signature("report", "broken", TRACE.format(line=line, function="f")) for line in (3, 30))
    assert first == second
    assert first.place == "a.py, f"


def test_the_message_is_kept_unchanged() -> None:
    assert error_signature("report", "Row 17 has no 'sku'.").message == "Row 17 has no 'sku'."
    assert len(error_signature("report", "x" * 5000).message) == 500


def _fingerprint(action: Callable[[str], None], name: str, key: str = "") -> str:
    try:
        action(name)
    except Exception as error:  # noqa: BLE001
        return error_signature("report", str(error), "".join(traceback.format_exception(error)), key=key).fingerprint
    raise AssertionError


def _no_address(name: str) -> None:
    raise JobError(f"The customer {name} has no address.")


def _no_address_on_several_lines(name: str) -> None:
    raise JobError(
        f"The customer {name} has no address, and there is no other customer of the same company that has one."
    )


def _from_a_cause(name: str) -> None:
    try:
        _no_address(name)
    except JobError as error:
        raise JobError(f"The customers up to {name} cannot be billed.") from error


def _message_elsewhere(message: str) -> None:
    raise JobError(message)


def _convert(name: str) -> None:
    int(name)


@pytest.mark.parametrize("action", [_no_address, _no_address_on_several_lines, _from_a_cause, _convert])
def test_names_in_an_error_do_not_change_the_fingerprint(action: Callable[[str], None]) -> None:
    assert len({_fingerprint(action, name) for name in ("Ada", "Ben & Sons", "Chloé", "Dai, Sato")}) == 1


def test_errors_with_one_key_are_one_whatever_they_say() -> None:
    assert _fingerprint(_message_elsewhere, "one", "no_address") == _fingerprint(
        _message_elsewhere, "two", "no_address"
    )
    assert _fingerprint(_message_elsewhere, "one", "no_address") != _fingerprint(_message_elsewhere, "one", "no_name")
    assert _fingerprint(_message_elsewhere, "one", UNEXPECTED) == _fingerprint(_message_elsewhere, "one")


def test_different_errors_of_one_line_are_told_apart_by_their_message() -> None:
    assert _fingerprint(_message_elsewhere, "It is empty.") != _fingerprint(_message_elsewhere, "It is damaged.")


def test_different_errors_of_one_function_are_told_apart() -> None:
    assert len({_fingerprint(action, "Ada") for action in (_no_address, _from_a_cause)}) == 2


def test_the_place_is_the_code_of_the_job_type_not_of_a_library() -> None:
    trace = (
        "Traceback (most recent call last):\n"
        '  File "/srv/webapp/jobs/execution/executor.py", line 3, in _call\n    call()\n'
        '  File "/srv/reports/orders.py", line 9, in fetch\n    response.raise_for_status()\n'
        '  File "/srv/.venv/lib/python3.11/site-packages/http.py", line 70, in raise_for_status\n    raise error\n'
        "http.HTTPError: 404\n"
    )
    assert error_signature("report", "HTTPError: 404", trace).place == "orders.py, fetch"
