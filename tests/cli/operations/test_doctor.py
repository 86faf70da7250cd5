import json
from collections.abc import Callable

import pytest
from click.testing import Result

from webapp.operations import doctor
from webapp.operations.doctor import Diagnosis, Level

Run = Callable[..., Result]


def test_a_problem_sets_the_exit_status_and_says_what_to_do(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    found = [
        Diagnosis(level=Level.GOOD, subject="time", text="Both clocks agree."),
        Diagnosis(level=Level.PROBLEM, subject="disk", text="It is full.", advice="Delete something."),
    ]
    monkeypatch.setattr(doctor, "examine", lambda *_: iter(found))
    done = run("doctor")
    assert done.stdout.splitlines() == [
        "ok       time: Both clocks agree.",
        "PROBLEM  disk: It is full. Delete something.",
    ]
    assert done.exit_code == 1
    assert [item["level"] for item in json.loads(run("doctor", "--json").stdout)] == ["good", "problem"]


def test_warnings_do_not_count(run: Run) -> None:
    done = run("doctor")  # no clock runs
    assert (done.exit_code, "WARNING  clock: No clock is running." in done.stdout) == (0, True), done.output
