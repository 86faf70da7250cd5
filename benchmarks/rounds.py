"""Run two sides in turn and return the median of their ratios; the verdict of a benchmark."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The results of a benchmark and whether they reach its goal."""

    values: str
    goal: str
    ok: bool

    def line(self, name: str) -> str:
        """Return the last line of its output."""
        return f"bench {name}: {self.values} (goal {self.goal}) {'ok' if self.ok else 'short'}"


def ratio(title: str, ours: Callable[[], float], theirs: Callable[[], float], *, rounds: int, unit: str) -> float:
    """Run both sides ``rounds`` times in turn, print each round, return the median of ours / theirs."""
    ratios = []
    for number in range(1, rounds + 1):
        left, right = ours(), theirs()
        ratios.append(left / right)
        print(f"  {title}, round {number}: {left:,.1f} and {right:,.1f} {unit}: {ratios[-1]:.2f} times", flush=True)
    print(f"  {title}: median {median(ratios):.2f} times")
    return median(ratios)
