"""Collects and prints the results per database, and returns the verdict."""

from collections import Counter
from collections.abc import Mapping
from statistics import median

from benchmarks.chaos import recovery
from benchmarks.chaos.mixed import Outcome
from benchmarks.rounds import Verdict

_SHOWN = 20


class ChaosReport:
    """Collects results and prints each one at once."""

    def __init__(self, lease_seconds: float) -> None:
        self._goals = {fault.name: fault.goal for fault in recovery.faults(lease_seconds)}
        self._worst = 0.0
        self._in_time = True
        self._jobs = self._faults = self._lost = self._twice = self._wrong = 0

    def add_times(self, kind: str, times: Mapping[str, list[float]]) -> None:
        """Add the times after which jobs continued, in seconds by fault."""
        for name, seconds in times.items():
            goal, usual, worst = self._goals[name], median(seconds), max(seconds)
            print(
                f"  {kind}, {name}: continues after {usual:.1f} s, worst {worst:.1f} s, goal {goal:.0f} s", flush=True
            )
            self._worst = max(self._worst, worst)
            self._in_time = self._in_time and worst <= goal
            self._faults += len(seconds)

    def add_outcome(self, kind: str, outcome: Outcome) -> None:
        """Add the result of a mixed run."""
        judgement, injected = outcome.judgement, outcome.injected
        jobs, attempts = judgement.by_status.total(), judgement.attempts
        print(f"  {kind}: {jobs} jobs in {attempts} attempts, {outcome.seconds:.0f} s: {_listed(judgement.by_status)}")
        print(f"  {kind}: {injected.total()} faults: {_listed(injected)}")
        print(f"  {kind}: lost {len(judgement.lost)}, run again after finishing {len(judgement.twice)}", flush=True)
        for sentence in judgement.wrong[:_SHOWN]:
            print(f"  {kind}: WRONG: {sentence}")
        self._jobs += judgement.by_status.total()
        self._faults += injected.total()
        self._lost += len(judgement.lost)
        self._twice += len(judgement.twice)
        self._wrong += len(judgement.wrong)

    def verdict(self) -> Verdict:
        """Return whether all goals were reached."""
        goals = "/".join(f"{goal:.0f}" for goal in self._goals.values())
        figures = f"jobs {self._jobs} faults {self._faults} lost {self._lost} twice {self._twice}"
        return Verdict(
            values=f"{figures} worst {self._worst:.1f} s",
            goal=f"lost 0, twice 0, {goals} s",
            ok=self._in_time and not self._lost and not self._twice and not self._wrong,
        )


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.most_common())
