import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import delete, func, insert, select, text

from tests.stored_files import everything
from webapp.db import revision
from webapp.db.engine import reading, writing
from webapp.db.partitions import PartitionMonth
from webapp.jobs.invariants.verifier import run_checks
from webapp.jobs.maintenance.month_partitions import months_of_jobs
from webapp.operations import backup_format
from webapp.operations import restore as restore_module
from webapp.operations.backup import back_up
from webapp.operations.backup_format import MANIFEST, BadBackup, Manifest, rows_name
from webapp.operations.restore import restore
from webapp.schema import dependencies, events, jobs
from webapp.services import Services


def current_month(services: Services) -> PartitionMonth:
    return services.pruner.months.current()


NEEDS_PROCESSES = ("A clock sent", "Redis contains", "Every queue with claimable")


@pytest.fixture
def archive(installation: Services, tmp_path: Path) -> Path:
    back_up(installation, tmp_path / "backup.zip")
    return tmp_path / "backup.zip"


def tables_of(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist() if name != MANIFEST}


def changed(path: Path, change: Callable[[str, bytes], bytes | None]) -> Path:
    """Write a copy of an archive with other contents; None leaves an entry out."""
    copy = path.with_name("changed.zip")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(copy, "w") as new:
        for name in old.namelist():
            content = change(name, old.read(name))
            if content is not None:
                new.writestr(name, content)
    return copy


def with_manifest(path: Path, **values: object) -> Path:
    def change(name: str, content: bytes) -> bytes:
        if name != MANIFEST:
            return content
        return Manifest.model_validate_json(content).model_copy(update=values).model_dump_json().encode()

    return changed(path, change)


def test_every_row_and_file_comes_back(archive: Path, empty: Services, tmp_path: Path) -> None:
    restored = restore(empty, archive)
    assert (restored.files, restored.missing_files) == (3, 0)
    back_up(empty, tmp_path / "again.zip")
    assert tables_of(tmp_path / "again.zip") == tables_of(archive)
    broken = [finding.rule for finding in run_checks(empty.checks(deep=True)) if not finding.holds]
    assert [rule for rule in broken if not rule.startswith(NEEDS_PROCESSES)] == []


def test_a_backup_of_sqlite_is_restored_to_postgresql(
    archive: Path, empty_on_postgresql: Services, tmp_path: Path
) -> None:
    restore(empty_on_postgresql, archive)
    back_up(empty_on_postgresql, tmp_path / "again.zip")
    again, first = tables_of(tmp_path / "again.zip"), tables_of(archive)
    assert again.keys() == first.keys()
    assert {name: len(content.splitlines()) for name, content in again.items() if name.startswith("tables/")} == {
        name: len(content.splitlines()) for name, content in first.items() if name.startswith("tables/")
    }
    job = empty_on_postgresql.jobs.create_job("maintenance")  # its event gets a number of its own
    with reading(empty_on_postgresql.engine) as connection:
        assert connection.execute(select(func.count()).where(events.c.job_id == job.id)).scalar_one() == 1


def test_a_backup_is_restored_into_partitions(
    archive: Path, installation: Services, empty_on_postgresql: Services, tmp_path: Path
) -> None:
    by_month = empty_on_postgresql.settings.model_copy(update={"database_partitions": "month"})
    with writing(installation.engine) as connection:  # a job of an earlier month
        other = current_month(installation).after(-5)
        row = connection.execute(select(jobs).where(jobs.c.unique_key.is_(None)).limit(1)).mappings().one()
        connection.execute(insert(jobs).values({**row, "id": other.first_id}))
    back_up(installation, tmp_path / "months.zip")
    services = Services(by_month, empty_on_postgresql.engine)
    restore(services, tmp_path / "months.zip")
    with reading(services.engine) as connection:
        assert months_of_jobs(connection)[0] == other
        assert connection.execute(text(f"SELECT count(*) FROM jobs_{other}")).scalar() == 1
        assert connection.execute(text("SELECT count(*) FROM jobs_other")).scalar() == 0
    back_up(services, tmp_path / "again.zip")
    again, first = tables_of(tmp_path / "again.zip"), tables_of(tmp_path / "months.zip")
    assert {name: len(content.splitlines()) for name, content in again.items() if name.startswith("tables/")} == {
        name: len(content.splitlines()) for name, content in first.items() if name.startswith("tables/")
    }
    job = services.jobs.create_job("maintenance")
    with reading(services.engine) as connection:
        assert connection.execute(select(func.count()).where(events.c.job_id == job.id)).scalar_one() == 1


def test_a_backup_of_a_version_without_partitions_is_refused_for_them(
    archive: Path, empty_on_postgresql: Services
) -> None:
    by_month = empty_on_postgresql.settings.model_copy(update={"database_partitions": "month"})
    with pytest.raises(BadBackup, match=r"by an older version of Deskjob .*, whose tables cannot have partitions"):
        restore(Services(by_month, empty_on_postgresql.engine), with_manifest(archive, revision="0043"))


def test_secrets_can_be_read_after_a_restore(archive: Path, empty: Services, installation: Services) -> None:
    restore(empty, archive)
    empty.registry.add(installation.registry.get("letter"))
    [job] = [job for job in empty.queries.all_jobs.newest(10) if job.payload.get("to") == "Zoë"]
    assert b"hunter2" not in archive.read_bytes()
    assert "hunter2" not in str(job.payload)


def test_an_installation_in_use_is_not_changed(archive: Path, installation: Services) -> None:
    before = len(installation.queries.all_jobs.newest(100))
    with pytest.raises(BadBackup, match="in use already"):
        restore(installation, archive)
    assert len(installation.queries.all_jobs.newest(100)) == before


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"key": "another"}, "another secret key"),
        ({"revision": "9999"}, "newer version"),
        ({"format": 2}, "newer version"),
    ],
)
def test_a_backup_that_does_not_fit_is_refused(
    archive: Path, empty: Services, values: dict[str, object], sentence: str
) -> None:
    with pytest.raises(BadBackup, match=sentence):
        restore(empty, with_manifest(archive, **values))
    assert revision.database_revision(empty.engine) is None, "nothing was written"


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x05\x06" + bytes(18)])
def test_a_file_that_is_not_a_backup_is_refused(empty: Services, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file.zip").write_bytes(content)
    with pytest.raises(BadBackup, match=r"damaged|no backup"):
        restore(empty, tmp_path / "file.zip")
    with pytest.raises(BadBackup, match="There is no file"):
        restore(empty, tmp_path / "nowhere.zip")


def test_a_half_written_archive_is_refused(archive: Path, empty: Services) -> None:
    archive.write_bytes(archive.read_bytes()[:-200])
    with pytest.raises(BadBackup, match="damaged"):
        restore(empty, archive)


def test_a_changed_file_is_refused_and_nothing_is_restored(archive: Path, empty: Services) -> None:
    broken = changed(archive, lambda name, content: content[:-1] + b"?" if name.startswith("files/") else content)
    with pytest.raises(BadBackup, match="another SHA-256"):
        restore(empty, broken)
    with reading(empty.engine) as connection:
        assert connection.execute(select(func.count()).select_from(jobs)).scalar_one() == 0


def test_a_row_that_is_missing_is_noticed(archive: Path, empty: Services) -> None:
    def cut(name: str, content: bytes) -> bytes:
        return content.rsplit(b"\n", 2)[0] + b"\n" if name == rows_name(events.name) else content

    with pytest.raises(BadBackup, match="rows are missing in events"):
        restore(empty, changed(archive, cut))


def test_files_that_are_not_in_the_archive_are_counted(archive: Path, empty: Services) -> None:
    restored = restore(empty, changed(archive, lambda name, content: None if name.startswith("files/") else content))
    assert (restored.files, restored.missing_files) == (0, 3)


@pytest.mark.parametrize(
    ("entry", "before", "after"),
    [
        ("tables/jobs.jsonl", None, None),
        ("tables/jobs.jsonl", b"[", b"{"),
        ("tables/jobs.jsonl", b'"id"', b'"id","of"'),
        ("tables/attachments.jsonl", b'\n["', b'\n["../../'),
        ("tables/users.jsonl", b"\n[", b"\n[[],"),
    ],
)
@pytest.mark.exhaustive
def test_rows_that_no_backup_has_are_refused_with_a_sentence(
    archive: Path, empty: Services, entry: str, before: bytes | None, after: bytes | None
) -> None:
    def change(name: str, content: bytes) -> bytes | None:
        if name != entry:
            return content
        return None if before is None or after is None else content.replace(before, after)

    with pytest.raises(BadBackup, match=r"damaged or was changed"):
        restore(empty, changed(archive, change))
    with reading(empty.engine) as connection:
        assert connection.execute(select(func.count()).select_from(jobs)).scalar_one() == 0


def test_a_row_without_an_end_is_not_read_into_memory(
    archive: Path, empty: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backup_format, "LINE_LIMIT", 100_000)
    endless = changed(
        archive, lambda name, content: content + bytes(1_000_000) if name == rows_name("jobs") else content
    )
    with pytest.raises(BadBackup, match="a row has more than"):
        restore(empty, endless)


@pytest.mark.exhaustive
@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
@pytest.mark.parametrize("entry", [MANIFEST, rows_name("jobs"), "files/"])
def test_what_cannot_be_unpacked_piece_by_piece_is_refused(
    archive: Path, empty: Services, compression: int, entry: str
) -> None:
    forged = archive.with_name("forged.zip")
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(forged, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name), compression if name.startswith(entry) else None)
    with pytest.raises(BadBackup, match="is compressed in another way"):
        restore(empty, forged)


def test_a_manifest_is_read_up_to_its_limit(archive: Path, empty: Services) -> None:
    padded = changed(archive, lambda name, content: content + b" " * 2_000_000 if name == MANIFEST else content)
    with zipfile.ZipFile(padded) as opened:
        assert restore_module._manifest(opened, padded).rows
    forged = changed(archive, lambda name, content: b" " * 2_000_000 + content if name == MANIFEST else content)
    with pytest.raises(BadBackup, match="is no backup of Deskjob"):
        restore(empty, forged)


def test_files_for_which_there_is_no_space_are_refused_before_anything_is_written(
    archive: Path, empty: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restore_module.shutil, "disk_usage", lambda _: SimpleNamespace(free=10))
    with pytest.raises(BadBackup, match=r"need 0\.0 GB, and 0\.0 GB are free in"):
        restore(empty, archive)
    assert revision.database_revision(empty.engine) is None


def test_a_file_that_is_larger_than_its_row_says_is_not_unpacked(archive: Path, empty: Services) -> None:
    huge = changed(archive, lambda name, content: bytes(10_000_000) if name.startswith("files/") else content)
    with pytest.raises(BadBackup, match="another size"):
        restore(empty, huge)
    assert everything(empty.files) == []


def test_a_job_that_waits_for_a_key_comes_back_with_a_holder_that_follows_it(
    installation: Services, empty: Services, tmp_path: Path
) -> None:
    create = partial(installation.jobs.create_job, "letter")
    first = create(unique_key="k")
    waiting = create(unique_key="k", on_duplicate="queue_after", after=[create().id])
    holder = create(unique_key="k", on_duplicate="queue_after")
    with writing(installation.engine) as connection:  # as if both had been created at the same moment
        connection.execute(delete(dependencies).where(dependencies.c.after_id == waiting.id))
    installation.jobs.cancel(first.id)
    assert installation.jobs.get(holder.id).unique_key == "k"
    back_up(installation, tmp_path / "backup.zip")
    restore(empty, tmp_path / "backup.zip")
    assert [empty.jobs.get(job.id) for job in (waiting, holder)] == [
        installation.jobs.get(job.id) for job in (waiting, holder)
    ]
