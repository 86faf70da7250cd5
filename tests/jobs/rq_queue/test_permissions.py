"""Deskjob under the permissions that docs/redis.md asks for, on a server that refuses everything else."""

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


def test_jobs_are_run_and_workers_come_and_go_without_one_refusal(
    server: Valkey, admin: Redis, sqlite_template: Path
) -> None:
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
        installation.redis.flushdb = lambda: None  # it may not
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
def test_whatever_else_is_refused(server: Valkey, command: tuple[object, ...]) -> None:
    ours = Redis.from_url(server.url(f"deskjob:{PASSWORD}"))
    with pytest.raises(NoPermissionError):
        ours.execute_command(*command)


def test_nobody_comes_in_without_a_password(server: Valkey) -> None:
    with pytest.raises(AuthenticationError):
        Redis.from_url(server.url()).ping()
