"""Run sides in turn; their ratios with the noise; the verdict of a benchmark."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Spread:
    """The same figure from several rounds; formats as the median with minimum and maximum: ``2.1 (1.9 to 2.4)``."""

    rounds: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle one."""
        return median(self.rounds)

    def __format__(self, spec: str) -> str:
        """Format each number with ``spec``."""
        low, high = min(self.rounds), max(self.rounds)
        return f"{self.median:{spec}} ({low:{spec}} to {high:{spec}})"


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> Spread:
    """Return ours / theirs of each round."""
    return Spread(tuple(left / right for left, right in zip(ours, theirs, strict=True)))


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The results of a benchmark and whether they reach its goal."""

    values: str
    goal: str
    ok: bool

    def line(self, name: str) -> str:
        """Return the last line of its output."""
        return f"bench {name}: {self.values} (goal {self.goal}) {'ok' if self.ok else 'short'}"


def ratio(title: str, ours: Callable[[], float], theirs: Callable[[], float], *, rounds: int, unit: str) -> Spread:
    """Run both sides ``rounds`` times in turn, print each round, return the ratios ours / theirs."""
    found = []
    for number in range(1, rounds + 1):
        left, right = ours(), theirs()
        found.append(left / right)
        print(f"  {title}, round {number}: {left:,.1f} and {right:,.1f} {unit}: {found[-1]:.2f} times", flush=True)
    spread = Spread(tuple(found))
    print(f"  {title}: {spread:.2f} times")
    return spread
