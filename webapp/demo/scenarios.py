"""How demo jobs went: drawn at random by job type, with durations, outcomes and messages. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from webapp.jobs.model.job import Status

TABLES = ("orders", "customers", "stock", "invoices", "returns", "prices", "suppliers", "survey", "visits", "payroll")
_EMPTY = "The file {file} is empty."
_CUT = "Line {line}: 3 fields instead of 7."
_KILLED = (
    "The process that ran this job was killed (SIGKILL). "
    "The machine may have run out of memory: the process used up to {memory:,} MB."
)
_TOO_LONG = "It ran longer than its limit of 2 h and was stopped."
_LOST = "The machine that ran this job stopped responding."
_TWICE = "The column {column} appears twice."
_RETRIED, _WITH_WARNINGS = 0.04, 0.12  # share of the jobs for which it is possible
_REASONS = ((_EMPTY, 30), (_CUT, 24), (_TWICE, 18), (_KILLED, 14), (_TOO_LONG, 4))
_KEYS = {_EMPTY: "file_empty", _CUT: "line_unreadable", _TWICE: "column_twice"}  # as the job type gives its errors


@dataclass(frozen=True, slots=True)
class TypeUsage:
    """How a job type was used: its share of all jobs and its median duration in seconds."""

    type: str
    share: int
    median: float
    is_system: bool = False


TYPES = (
    TypeUsage("dataset_report", 62, 14.0),
    TypeUsage("job_history_export", 17, 3.0),
    TypeUsage("user_import", 4, 9.0),
    TypeUsage("maintenance", 17, 1.4, is_system=True),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """How one job went; ``waited`` and ``ran`` are in seconds."""

    usage: TypeUsage
    status: Status
    waited: float
    ran: float
    attempt_count: int
    file: str
    message: str
    error: str
    error_key: str
    warnings: tuple[str, ...]
    done: int
    progress: float


def draw_scenario(
    rng: Random, *, most_attempts: Mapping[str, int], ending: Status | None = None, type_name: str = ""
) -> Scenario:
    """Draw how a job went; ``ending`` and ``type_name`` fix its outcome and its type."""
    usages = [usage for usage in TYPES if usage.type == type_name] or TYPES
    [usage] = rng.choices(usages, [usage.share for usage in usages])
    status = ending or _status(rng, usage)
    rows = int(rng.lognormvariate(9, 1.2))
    file = _file(rng) if usage.type in {"dataset_report", "user_import"} else ""
    error, error_key = _error(rng, file, status)
    progress = 100.0 if status is Status.COMPLETED else round(rng.uniform(2, 97), 1)
    retried = most_attempts[usage.type] > 1 and status is Status.COMPLETED and rng.random() < _RETRIED
    return Scenario(
        usage=usage,
        status=status,
        waited=rng.expovariate(1 / 2.5),
        ran=usage.median * rng.lognormvariate(0, 0.7),
        attempt_count=2 if retried else 1,
        file=file,
        message=_message(usage, rows, status),
        error=error,
        error_key=error_key,
        warnings=_warnings(rng, usage, status),
        done=rows,
        progress=progress,
    )


def payload(file: str, size: int, sha256: str) -> dict[str, Any]:
    """Return the payload of a job as its row stores it: a file, or nothing."""
    return {"file": {"name": file, "size": size, "sha256": sha256, "media_type": "text/csv"}} if file else {}


def _status(rng: Random, usage: TypeUsage) -> Status:
    if usage.is_system:
        return Status.COMPLETED
    outcomes = (Status.COMPLETED, Status.FAILED, Status.CANCELLED, Status.STALE)
    return rng.choices(outcomes, (89, 7, 3, 1))[0]


def _file(rng: Random) -> str:
    return f"{rng.choice(TABLES)}-{rng.randint(2024, 2026)}-{rng.randint(1, 12):02}.csv"


def _message(usage: TypeUsage, rows: int, status: Status) -> str:
    if status is not Status.COMPLETED:
        return f"{rows:,} rows" if usage.type == "dataset_report" else ""
    return {
        "dataset_report": f"{rows:,} rows, {rows % 19 + 3} columns",
        "job_history_export": f"{rows:,} jobs",
        "user_import": f"{rows % 400 + 2} accounts made",
        "maintenance": f"Deleted {rows % 40 + 1} jobs." if rows % 3 else "Nothing to delete.",
    }[usage.type]


def _error(rng: Random, file: str, status: Status) -> tuple[str, str]:
    if status is Status.STALE:
        return _LOST, ""
    if status is not Status.FAILED:
        return "", ""
    reasons = _REASONS if file else _REASONS[3:]
    [reason] = rng.choices([text for text, _ in reasons], [weight for _, weight in reasons])
    text = reason.format(
        file=file, column=rng.choice(TABLES), line=rng.randint(2, 90_000), memory=rng.randint(900, 7000)
    )
    return text, _KEYS.get(reason, "")


def _warnings(rng: Random, usage: TypeUsage, status: Status) -> tuple[str, ...]:
    if status is not Status.COMPLETED or usage.type != "dataset_report" or rng.random() > _WITH_WARNINGS:
        return ()
    lines = sorted(rng.sample(range(2, 9000), rng.randint(1, 3)))
    return tuple(f"Line {line:,}: it has too few fields; the row was skipped." for line in lines)
