import pytest

from webapp.jobs.metrics.error_rollup import error_signature

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
