import gc
import os
import shutil
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import OperationalError

from webapp.db.engine import (
    engine_options,
    forget_inherited_connections,
    holding_connections,
    reading,
    sharing_reads,
    writing,
)
from webapp.db.retry import is_away
from webapp.db.sqlite_file import FilesClosed, create_file, missing_file, refuse_closed_files, removed_file, was_removed


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "test.sqlite3"


@pytest.fixture
def engine(path: Path) -> Engine:
    engine = create_engine(f"sqlite:///{path}", **engine_options("sqlite"))
    create_file(engine)
    with writing(engine) as connection:
        connection.execute(text("CREATE TABLE words (word TEXT)"))
    return engine


def add(engine: Engine, word: str) -> None:
    with writing(engine) as connection:
        connection.execute(text("INSERT INTO words VALUES (:word)"), {"word": word})


def words(engine: Engine) -> list[str]:
    with reading(engine) as connection:
        return list(connection.execute(text("SELECT word FROM words")).scalars())


@pytest.mark.parametrize("again", [False, True])
def test_a_removed_file_is_an_error_of_reads_and_writes_and_is_not_created_anew(
    engine: Engine, path: Path, *, again: bool
) -> None:
    path.unlink()
    if again:
        engine.dispose()
    for _ in range(2):
        with pytest.raises(OperationalError, match="was removed while Deskjob was running") as refused:
            add(engine, "lost")
        assert is_away(refused.value)
        assert was_removed(refused.value)
        assert removed_file(engine) == str(path)
        with pytest.raises(OperationalError), sharing_reads():
            words(engine)
    assert not path.exists()


def test_a_held_connection_notices_that_its_file_was_removed(engine: Engine, path: Path) -> None:
    with holding_connections():
        add(engine, "kept")
        path.unlink()
        for _ in range(2):
            with pytest.raises(OperationalError, match="was removed while Deskjob was running"):
                add(engine, "lost")


def test_a_file_that_is_put_back_is_used_again(engine: Engine, path: Path) -> None:
    add(engine, "kept")
    with reading(engine) as connection:
        connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
    backup = path.with_suffix(".backup")
    shutil.copy(path, backup)
    path.unlink()
    with pytest.raises(OperationalError):
        add(engine, "lost")
    for ending in ("-wal", "-shm"):
        path.with_name(path.name + ending).unlink(missing_ok=True)
    backup.rename(path)
    add(engine, "new")
    assert words(engine) == ["kept", "new"]
    assert removed_file(engine) is None


def test_a_database_in_memory_has_no_file() -> None:
    engine = create_engine("sqlite://", **engine_options("sqlite"))
    with writing(engine) as connection:
        assert connection.execute(text("SELECT 1")).scalar() == 1


def test_a_connection_creates_no_file(path: Path) -> None:
    engine = create_engine(f"sqlite:///{path}", **engine_options("sqlite"))
    with pytest.raises(OperationalError, match="does not exist") as refused:
        words(engine)
    assert is_away(refused.value)
    assert was_removed(refused.value)
    assert missing_file(engine) == str(path)
    assert removed_file(engine) is None
    assert not path.exists()


def test_a_created_file_is_private_and_an_existing_one_is_kept(engine: Engine, path: Path) -> None:
    add(engine, "kept")
    create_file(engine)
    assert words(engine) == ["kept"]
    assert path.stat().st_mode & 0o777 == 0o600


def test_closed_files_of_a_connection_are_noticed(engine: Engine) -> None:
    def close_everything() -> bool:
        add(engine, "kept")
        refuse_closed_files(engine)
        os.closerange(3, 100)
        try:
            refuse_closed_files(engine)
        except FilesClosed:
            return True
        return False

    if not (pid := os.fork()):
        os._exit(0 if close_everything() else 1)
    assert os.waitpid(pid, 0)[1] == 0


def test_a_second_connection_that_was_closed_is_none_of_them(engine: Engine) -> None:
    with reading(engine), reading(engine):
        pass
    refuse_closed_files(engine)


def test_inherited_connections_are_never_closed(engine: Engine, path: Path) -> None:
    """Their files would close while a job runs, which would be taken for what the job has left behind."""
    opened = descriptors(path)
    assert opened
    forget_inherited_connections(engine)
    gc.collect()
    assert descriptors(path) == opened
    add(engine, "later")


def descriptors(path: Path) -> set[str]:
    folder = Path("/proc/self/fd")
    return {entry.name for entry in folder.iterdir() if os.path.realpath(entry).startswith(str(path))}
