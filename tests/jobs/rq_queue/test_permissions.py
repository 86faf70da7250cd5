"""Deskjob works with the permissions in docs/redis.md, on a server that rejects all other commands."""

import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import AuthenticationError, Redis
from redis.exceptions import NoPermissionError

from tests.installation import PATIENCE_SECONDS, ROOT, Installation
from tests.valkey import Valkey, valkey
from webapp.jobs.model.job import Status

PASSWORD = "CHANGE-ME"
ADMIN = "user admin on >admin ~* &* +@all\n"


@pytest.fixture(scope="module")
def server() -> Iterator[Valkey]:
    (users,) = re.findall(r"```\n(user default off\n.+?)```", (ROOT / "docs" / "redis.md").read_text(), re.DOTALL)
    with valkey(users + ADMIN) as server:
        yield server


@pytest.fixture(scope="module")
def admin(server: Valkey) -> Redis:
    return Redis.from_url(server.url("admin:admin"), decode_responses=True)


@pytest.mark.exhaustive
def test_workers_need_only_the_permitted_redis_commands(server: Valkey, admin: Redis, sqlite_template: Path) -> None:
    folder = Path(tempfile.mkdtemp(prefix="deskjob-"))
    shutil.copy(sqlite_template, folder / "deskjob.sqlite3")
    installation = Installation(folder, server.url(f"deskjob:{PASSWORD}"))
    try:
        pool = installation.start("worker", "--workers", "1")
        installation.await_status(installation.job("quick"), Status.COMPLETED)
        assert len(installation.services.workers.all()) == 1
        pool.terminate()
        assert pool.wait(PATIENCE_SECONDS) == 0
        assert installation.services.workers.all() == ()
    finally:
        installation.redis.flushdb = lambda: None  # this user has no permission for it
        installation.close()
        shutil.rmtree(folder)
    assert {(entry["object"], entry["reason"]) for entry in admin.acl_log()} == set(), installation.output


@pytest.mark.parametrize(
    "command",
    [
        ("FLUSHALL",),
        ("FLUSHDB",),
        ("CONFIG", "GET", "*"),
        ("KEYS", "*"),
        ("EVAL", "return 1", 0),
        ("PUBLISH", "rq:pubsub:x", "stop"),
        ("SCRIPT", "FLUSH"),
        ("SHUTDOWN",),
        ("HSET", "sessions:1", "user", "admin"),
        ("DEL", "somebody:elses"),
    ],
)
def test_every_other_redis_command_is_rejected(server: Valkey, command: tuple[object, ...]) -> None:
    restricted = Redis.from_url(server.url(f"deskjob:{PASSWORD}"))
    with pytest.raises(NoPermissionError):
        restricted.execute_command(*command)


def test_redis_requires_a_password(server: Valkey) -> None:
    with pytest.raises(AuthenticationError):
        Redis.from_url(server.url()).ping()
