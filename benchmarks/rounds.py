"""Rounds: two sides run in turn, their ratio per round, the median of the ratios."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a benchmark found, and whether that reaches its goal."""

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
        print(f"  {title}, round {number}: {left:,.1f} against {right:,.1f} {unit}: {ratios[-1]:.2f} times", flush=True)
    print(f"  {title}: median {median(ratios):.2f} times")
    return median(ratios)
