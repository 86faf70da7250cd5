"""What becomes of jobs in the demonstration: how long each kind takes, and how it ends. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from webapp.jobs.model.job import Status

TABLES = ("orders", "customers", "stock", "invoices", "returns", "prices", "suppliers", "survey", "visits", "payroll")
_EMPTY = "The file {file} is empty."
_CUT = "Line {line} cannot be read: unexpected end of data. A quote before this line may not be closed."
_KILLED = (
    "The process that ran this job was killed (SIGKILL). "
    "The machine may have run out of memory: the process used up to {memory:,} MB."
)
_TOO_LONG = "It ran longer than its limit of 2:00:00 and was stopped."
_LOST = "The machine that ran this job stopped responding."
_TWICE = "The column {column} appears twice."
_REASONS = ((_EMPTY, 30), (_CUT, 24), (_TWICE, 18), (_KILLED, 14), (_TOO_LONG, 4))


@dataclass(frozen=True, slots=True)
class TypeUsage:
    """A job type as it was used: how often, and how long it took in seconds."""

    type: str
    share: int
    median: float
    of_system: bool = False


_AGAIN, _WARNED = 0.04, 0.12  # of those that can
TYPES = (
    TypeUsage("dataset_report", 62, 14.0),
    TypeUsage("job_history_export", 17, 3.0),
    TypeUsage("user_import", 4, 9.0),
    TypeUsage("maintenance", 17, 1.4, of_system=True),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """How one job went. ``waited`` and ``ran`` are seconds; ``attempt_count`` how many attempts it took."""

    kind: TypeUsage
    status: Status
    waited: float
    ran: float
    attempt_count: int
    file: str
    message: str
    error: str
    warnings: tuple[str, ...]
    done: int
    progress: float


def draw_scenario(
    chance: Random, *, most_attempts: Mapping[str, int], ending: Status | None = None, type_name: str = ""
) -> Scenario:
    """Tell how a job of a type, or of any, went that ended, in a given way or any."""
    kinds = [one for one in TYPES if one.type == type_name] or TYPES
    [kind] = chance.choices(kinds, [one.share for one in kinds])
    status = ending or _status(chance, kind)
    rows = int(chance.lognormvariate(9, 1.2))
    file = _file(chance) if kind.type in {"dataset_report", "user_import"} else ""
    progress = 100.0 if status is Status.COMPLETED else round(chance.uniform(2, 97), 1)
    again = most_attempts[kind.type] > 1 and status is Status.COMPLETED and chance.random() < _AGAIN
    return Scenario(
        kind=kind,
        status=status,
        waited=chance.expovariate(1 / 2.5),
        ran=kind.median * chance.lognormvariate(0, 0.7),
        attempt_count=2 if again else 1,
        file=file,
        message=_message(kind, rows, status),
        error=_error(chance, file, status),
        warnings=_warnings(chance, kind, status),
        done=rows,
        progress=progress,
    )


def payload(file: str, size: int, sha256: str) -> dict[str, Any]:
    """Return what a job was asked with, as its row keeps it: a file, or nothing."""
    return {"file": {"name": file, "size": size, "sha256": sha256, "media_type": "text/csv"}} if file else {}


def _status(chance: Random, kind: TypeUsage) -> Status:
    if kind.of_system:
        return Status.COMPLETED
    ends = (Status.COMPLETED, Status.FAILED, Status.CANCELLED, Status.STALE)
    return chance.choices(ends, (89, 7, 3, 1))[0]


def _file(chance: Random) -> str:
    return f"{chance.choice(TABLES)}-{chance.randint(2024, 2026)}-{chance.randint(1, 12):02}.csv"


def _message(kind: TypeUsage, rows: int, status: Status) -> str:
    if status is not Status.COMPLETED:
        return f"{rows:,} rows" if kind.type == "dataset_report" else ""
    return {
        "dataset_report": f"{rows:,} rows, {rows % 19 + 3} columns",
        "job_history_export": f"{rows:,} jobs",
        "user_import": f"{rows % 400 + 2} accounts made",
        "maintenance": f"Deleted {rows % 40 + 1} jobs." if rows % 3 else "Nothing to delete.",
    }[kind.type]


def _error(chance: Random, file: str, status: Status) -> str:
    if status is Status.STALE:
        return _LOST
    if status is not Status.FAILED:
        return ""
    reasons = _REASONS if file else _REASONS[3:]
    [reason] = chance.choices([text for text, _ in reasons], [weight for _, weight in reasons])
    return reason.format(
        file=file, column=chance.choice(TABLES), line=chance.randint(2, 90_000), memory=chance.randint(900, 7000)
    )


def _warnings(chance: Random, kind: TypeUsage, status: Status) -> tuple[str, ...]:
    if status is not Status.COMPLETED or kind.type != "dataset_report" or chance.random() > _WARNED:
        return ()
    lines = sorted(chance.sample(range(2, 9000), chance.randint(1, 3)))
    return tuple(f"Line {line:,}: it has too few fields; the row was skipped." for line in lines)
