"""`MonthlyBudget`: the limits of a month as a value, read from a form. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from math import isfinite
from typing import Any, Self
from uuid import UUID

HIGHEST = 1_000_000_000


class InvalidBudget(ValueError):
    """Raised for limits that are none; ``errors`` maps the name of a limit to one sentence."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        """Join the sentences."""
        self.errors = dict(errors)
        super().__init__(" ".join(self.errors.values()))


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthlyBudget:
    """What the jobs of one user can use in a month; None is unlimited.

    ``jobs`` are those that were started, without their children. ``memory_gb_hours`` is the peak memory of each
    attempt, multiplied by the time that it ran.
    """

    jobs: int | None = None
    cpu_seconds: float | None = None
    memory_gb_hours: float | None = None

    def __post_init__(self) -> None:
        """Raise `InvalidBudget` for a limit that is not a number above zero."""
        if errors := dict(self._invalid()):
            raise InvalidBudget(errors)

    @classmethod
    def typed(cls, texts: Mapping[str, str]) -> Self:
        """Read limits as they are typed; an empty one is unlimited. Raises `InvalidBudget`."""
        values: dict[str, Any] = {}
        for name in LIMITS:
            text = texts.get(name, "").strip()
            try:
                values[name] = None if not text else int(text) if name == "jobs" else float(text.replace(",", "."))
            except ValueError:
                values[name] = text[:40]
        return cls(**values)

    def to_dict(self) -> dict[str, int | float | None]:
        """Return the limits by name."""
        return {name: getattr(self, name) for name in LIMITS}

    def _invalid(self) -> Iterator[tuple[str, str]]:
        for name in LIMITS:
            value = getattr(self, name)
            is_whole = isinstance(value, int) and not isinstance(value, bool)
            is_number = is_whole or (name != "jobs" and isinstance(value, float) and isfinite(value))
            if value is not None and not (is_number and 0 < value <= HIGHEST):
                if name == "jobs":
                    yield name, f"A limit must be a whole number above 0 and at most {HIGHEST:,}, or empty for none."
                else:
                    yield name, f"A limit must be a number above 0 and at most {HIGHEST:,}, or empty for none."


LIMITS = tuple(field.name for field in fields(MonthlyBudget))


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What the jobs of a user have used in a month."""

    jobs: int = 0
    cpu_seconds: float = 0.0
    memory_gb_hours: float = 0.0

    def used_up(self, budget: MonthlyBudget) -> tuple[str, ...]:
        """Return the names of the limits that are reached."""
        pairs = ((name, getattr(self, name), getattr(budget, name)) for name in LIMITS)
        return tuple(name for name, used, limit in pairs if limit is not None and used >= limit)


class BudgetsTurnedOff(Exception):
    """Raised when limits are set in an installation that has no budgets."""

    def __init__(self) -> None:
        """Say how they are turned on."""
        super().__init__("Budgets are turned off here. The setting DESKJOB_BUDGETS turns them on.")


@dataclass(frozen=True, slots=True, kw_only=True)
class UserBudget:
    """A user's limits and use in a month; ``source`` says whose limits they are: user, role or default."""

    user_id: UUID
    name: str
    role: str
    budget: MonthlyBudget
    usage: Usage
    source: str

    @property
    def used_up(self) -> tuple[str, ...]:
        """The names of the limits that are reached."""
        return self.usage.used_up(self.budget)


def of_user(user_id: UUID) -> str:
    """Return the subject of a user's own budget."""
    return f"user:{user_id}"


def of_role(role: str) -> str:
    """Return the subject of the budget that users of a role have."""
    return f"role:{role}"
