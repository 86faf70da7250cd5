"""Collects and prints the results per database, and returns the verdict."""

from collections import Counter
from collections.abc import Iterable, Mapping
from statistics import median

from benchmarks.chaos.mixed import Outcome
from benchmarks.chaos.recovery import Fault, Recovery, StateNotReached
from benchmarks.rounds import Verdict

_SHOWN = 20
_NOTICEABLE = 1.2  # the bounds are multiplied by a smaller slowdown too


class ChaosReport:
    """Collects results and prints each one at once."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self._goals = [fault.goal for fault in faults]
        self._worst = 0.0
        self._slowdown = 1.0
        self._in_time = True
        self._jobs = self._faults = self._lost = self._twice = self._wrong = 0

    def add_times(self, kind: str, recoveries: Mapping[str, list[Recovery]]) -> None:
        """Add the times after which jobs continued, by fault."""
        for name, found in recoveries.items():
            seconds = [recovery.seconds for recovery in found]
            slowdown = max(recovery.slowdown for recovery in found)
            print(
                f"  {kind}, {name}: continues after {median(seconds):.1f} s, worst {max(seconds):.1f} s, "
                f"goal {found[0].goal:.0f} s{_on_machine(slowdown)}",
                flush=True,
            )
            for missed in (recovery for recovery in found if not recovery.is_in_time):
                title = f"{name}, continued after {missed.seconds:.1f} s, bound {missed.bound:.1f} s"
                self._print_miss(kind, title, missed.lines)
            self._worst = max(self._worst, *seconds)
            self._slowdown = max(self._slowdown, slowdown)
            self._faults += len(seconds)

    def add_failure(self, kind: str, failure: StateNotReached) -> None:
        """Add the end of a measurement that could not continue."""
        self._print_miss(kind, str(failure), failure.lines)

    def _print_miss(self, kind: str, title: str, lines: Iterable[str]) -> None:
        self._in_time = False
        print(f"  {kind}: MISSED: {title}")
        for line in lines:
            print(f"    {line}", flush=True)

    def add_outcome(self, kind: str, outcome: Outcome) -> None:
        """Add the result of a mixed run."""
        judgement, injected = outcome.judgement, outcome.injected
        jobs, attempts = judgement.by_status.total(), judgement.attempts
        print(f"  {kind}: {jobs} jobs in {attempts} attempts, {outcome.seconds:.0f} s: {_listed(judgement.by_status)}")
        print(f"  {kind}: {injected.total()} faults: {_listed(injected)}")
        print(f"  {kind}: lost {len(judgement.lost)}, run again after finishing {len(judgement.twice)}", flush=True)
        for sentence in judgement.wrong[:_SHOWN]:
            print(f"  {kind}: WRONG: {sentence}")
        for line in outcome.lines:
            print(f"    {line}", flush=True)
        self._jobs += judgement.by_status.total()
        self._faults += injected.total()
        self._lost += len(judgement.lost)
        self._twice += len(judgement.twice)
        self._wrong += len(judgement.wrong)

    def verdict(self) -> Verdict:
        """Return whether all goals were reached."""
        goals = "/".join(f"{goal:.0f}" for goal in self._goals)
        figures = f"jobs {self._jobs} faults {self._faults} lost {self._lost} twice {self._twice}"
        return Verdict(
            values=f"{figures} worst {self._worst:.1f} s{_on_machine(self._slowdown)}",
            goal=f"lost 0, twice 0, {goals} s",
            ok=self._in_time and not self._lost and not self._twice and not self._wrong,
        )


def _on_machine(slowdown: float) -> str:
    return f" on a machine {slowdown:.1f} times as slow as an idle one" if slowdown >= _NOTICEABLE else ""


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.most_common())
