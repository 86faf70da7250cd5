"""Which workers say in Redis that they live. A hint, and untrusted, as all that stands there."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from redis import Redis
from rq.worker_registration import REDIS_WORKER_KEYS

_FIELDS = ("hostname", "pid", "queues", "state", "last_heartbeat", "death")
_PREFIX = "rq:worker:"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredWorker:
    """A worker as RQ's registry has it; ``silent_for`` is measured between two machines' clocks."""

    name: str
    host: str
    pid: int | None
    queues: tuple[str, ...]
    state: str
    silent_for: timedelta | None


def registered_workers(connection: Redis) -> tuple[RegisteredWorker, ...]:
    """Return the workers that have not said goodbye, by name; raises ``RedisError`` when Redis is away.

    One that was killed stays for as long as RQ remembers it, about a minute and a half.
    """
    now = _now(connection)
    keys = sorted(_text(key) for key in connection.smembers(REDIS_WORKER_KEYS))
    found = (_listed(key, connection.hmget(key, _FIELDS), now) for key in keys)
    return tuple(worker for worker in found if worker)


def _listed(key: str, values: Any, now: datetime) -> RegisteredWorker | None:
    said: Mapping[str, str] = {name: _text(value) for name, value in zip(_FIELDS, values, strict=True) if value}
    if not said or "death" in said:
        return None
    return RegisteredWorker(
        name=key.removeprefix(_PREFIX),
        host=said.get("hostname", ""),
        pid=int(said["pid"]) if said.get("pid", "").isdecimal() else None,
        queues=tuple(filter(None, said.get("queues", "").split(","))),
        state=said.get("state", ""),
        silent_for=_silence(said.get("last_heartbeat", ""), now),
    )


def _silence(last_heartbeat: str, now: datetime) -> timedelta | None:
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
