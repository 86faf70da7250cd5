from collections import Counter
from math import inf

import pytest

from benchmarks.chaos.judge import Judgement
from benchmarks.chaos.mixed import Outcome
from benchmarks.chaos.recovery import Recovery, StateNotReached, faults
from benchmarks.chaos.report import ChaosReport

LINES = ("job 1: running", "no leases")


def test_a_bound_that_was_kept_needs_no_explanation(capsys: pytest.CaptureFixture[str]) -> None:
    report = ChaosReport(faults(2.0))
    report.add_times("sqlite", {"a killed worker": [Recovery(seconds=2.9, goal=3.0, slowdown=1.0)]})
    verdict = report.verdict()
    assert verdict.ok
    assert verdict.values == "jobs 0 faults 1 lost 0 twice 0 worst 2.9 s"
    assert "MISSED" not in capsys.readouterr().out


@pytest.mark.parametrize("seconds", [7.1, inf])
def test_a_missed_bound_names_the_fault_and_its_circumstances(
    seconds: float, capsys: pytest.CaptureFixture[str]
) -> None:
    report = ChaosReport(faults(2.0))
    recovery = Recovery(seconds=seconds, goal=3.0, slowdown=2.0, lines=LINES)
    report.add_times("sqlite", {"a killed worker": [recovery]})
    assert not report.verdict().ok
    assert report.verdict().values.endswith("on a machine 2.0 times as slow as an idle one")
    printed = capsys.readouterr().out.splitlines()
    assert f"  sqlite: MISSED: a killed worker, continued after {seconds:.1f} s, bound 6.0 s" in printed
    assert [f"    {line}" for line in LINES] == printed[-2:]


def test_a_measurement_that_could_not_go_on_is_no_success(capsys: pytest.CaptureFixture[str]) -> None:
    report = ChaosReport(faults(2.0))
    report.add_failure("sqlite", StateNotReached("the job runs: not within 300 s", LINES))
    assert not report.verdict().ok
    assert "MISSED: the job runs: not within 300 s" in capsys.readouterr().out


def test_what_is_wrong_after_a_mixed_run_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    report = ChaosReport(faults(2.0))
    judgement = Judgement(wrong=["leases are left"], by_status=Counter(completed=1))
    report.add_outcome("sqlite", Outcome(1, Counter({"kill worker": 2}), judgement, 9.0, LINES))
    assert not report.verdict().ok
    printed = capsys.readouterr().out
    assert "WRONG: leases are left\n    job 1: running\n    no leases\n" in printed
