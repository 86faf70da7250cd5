"""The workers that RQ has registered in Redis. A hint, and untrusted, like all data in Redis."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from redis import Redis

_FIELDS = ("hostname", "pid", "queues", "state", "last_heartbeat", "death")
_NAMES, _PREFIX = "rq:workers", "rq:worker:"  # RQ's; importing it takes longer than reading them


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredWorker:
    """A worker in RQ's registry; ``silent_for`` compares the clocks of two machines."""

    name: str
    host: str
    pid: int | None
    queues: tuple[str, ...]
    state: str
    silent_for: timedelta | None


def registered_workers(connection: Redis) -> tuple[RegisteredWorker, ...]:
    """Return the workers that have not signed off, by name; raises ``RedisError`` if Redis is away.

    A killed worker stays registered until RQ forgets it, about a minute and a half later.
    """
    now = _now(connection)
    keys = sorted(_text(key) for key in connection.smembers(_NAMES))
    workers = (_read_worker(key, connection.hmget(key, _FIELDS), now) for key in keys)
    return tuple(worker for worker in workers if worker)


def _read_worker(key: str, values: Any, now: datetime) -> RegisteredWorker | None:
    fields: Mapping[str, str] = {name: _text(value) for name, value in zip(_FIELDS, values, strict=True) if value}
    if not fields or "death" in fields:
        return None
    return RegisteredWorker(
        name=key.removeprefix(_PREFIX),
        host=fields.get("hostname", ""),
        pid=int(fields["pid"]) if fields.get("pid", "").isdecimal() else None,
        queues=tuple(filter(None, fields.get("queues", "").split(","))),
        state=fields.get("state", ""),
        silent_for=_silent_for(fields.get("last_heartbeat", ""), now),
    )


def _silent_for(last_heartbeat: str, now: datetime) -> timedelta | None:
    try:
        heard = datetime.fromisoformat(last_heartbeat)
    except ValueError:
        return None
    return max(timedelta(0), now - heard.replace(tzinfo=heard.tzinfo or UTC))


def _now(connection: Redis) -> datetime:
    seconds, microseconds = connection.time()
    return datetime.fromtimestamp(seconds, UTC) + timedelta(microseconds=microseconds)


def _text(value: bytes | str) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value
