"""Moving files between a folder and a bucket, in both directions, while an installation is used."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from time import time
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, update

from tests.stored_files import everything, stored_path
from webapp.db.engine import reading, writing
from webapp.jobs.files.configured_files import files_at
from webapp.jobs.model.job import Job
from webapp.jobs.store.file_store import FileStore, StorageUnavailable
from webapp.operations import file_move
from webapp.operations.file_move import BadMove, Progress, move_files
from webapp.schema import attachments
from webapp.services import Services

Configured = Callable[..., Services]


@pytest.fixture(params=["to a bucket", "to a folder"])
def places(request: pytest.FixtureRequest, services: Services, s3_place: dict[str, Any], tmp_path: Path) -> list[str]:
    """Return the new place and the old one."""
    services.settings = services.settings.model_copy(update={**s3_place, "storage_url": ""})
    both = [str(s3_place["storage_url"]), str(tmp_path / "attachments")]
    return both if request.param == "to a bucket" else both[::-1]


@pytest.fixture
def configured(services: Services) -> Iterator[Configured]:
    """Return the services of a process that was started with these places."""
    made: list[Services] = []

    def configure(new: str, old: str = "") -> Services:
        settings = services.settings.model_copy(update={"storage_url": new, "storage_url_old": old})
        made.append(Services(settings, services.engine, registry=services.registry))
        return made[-1]

    yield configure
    for process in made:
        if "wake_ups" in vars(process):
            process.wake_ups.connection.close()


@pytest.fixture
def job(services: Services) -> Job:
    return services.jobs.create_job("maintenance")


def file_ids(services: Services) -> list[UUID]:
    with reading(services.engine) as connection:
        return list(connection.execute(select(attachments.c.id).order_by(attachments.c.id)).scalars())


def contents(files: FileStore, ids: list[UUID]) -> list[bytes]:
    found = []
    for file_id in ids:
        with files.open(file_id) as file:
            found.append(file.read())
    return found


def test_an_installation_moves_in_the_documented_steps(places: list[str], configured: Configured, job: Job) -> None:
    new, old = places
    before = configured(old)
    for number in range(3):
        before.jobs.add_attachment(job.id, f"{number}.txt", b"%d" % number)
    shown: list[Progress] = []
    report = move_files(before, new, show=shown.append)
    assert (report.moved, report.moved_bytes, report.keeps_originals, report.problems) == (3, 3, True, [])
    assert (shown[-1].files, shown[-1].all_files, shown[-1].bytes, shown[-1].all_bytes) == (3, 3, 3, 3)
    before.jobs.add_attachment(job.id, "late.txt", b"late")  # by a process that does not know the new place
    during = configured(new, old)
    during.jobs.add_attachment(job.id, "new.txt", b"new")
    ids = file_ids(during)
    assert contents(during.files, ids) == [b"0", b"1", b"2", b"late", b"new"]
    report = move_files(during, new)
    assert (report.moved, report.already_there, report.without_row, report.problems) == (4, 1, 0, [])
    assert contents(configured(new).files, ids) == [b"0", b"1", b"2", b"late", b"new"]
    assert everything(files_at(during.settings, old)) == []
    assert move_files(during, new).already_there == 5


def test_a_move_that_was_killed_continues(
    places: list[str], configured: Configured, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    new, old = places
    process = configured(new, old)
    for number in range(4):
        configured(old).jobs.add_attachment(job.id, f"{number}.txt", b"%d" % number)
    ids = file_ids(process)
    monkeypatch.setattr(file_move, "_AT_ONCE", 1)
    for point in ("files.copied", "files.moved"):

        def killed(reached: str, point: str = point) -> None:
            if reached == point:
                raise Killed

        with monkeypatch.context() as patch, pytest.raises(Killed):
            patch.setattr(file_move, "faultpoint", killed)
            move_files(process, new)
        assert contents(process.files, ids) == [b"0", b"1", b"2", b"3"]
    report = move_files(process, new)
    assert (report.moved + report.already_there, report.problems) == (4, [])
    assert contents(configured(new).files, ids) == [b"0", b"1", b"2", b"3"]


def test_a_damaged_file_stays_where_it_is_and_so_does_a_missing_one(
    places: list[str], configured: Configured, job: Job
) -> None:
    new, old = places
    before = configured(old)
    damaged, missing, good = (
        before.jobs.add_attachment(job.id, name, b"content") for name in ("damaged.txt", "missing.txt", "good.txt")
    )
    stored_path(before.files, damaged.id).write_bytes(b"CONTENT")
    stored_path(before.files, missing.id).unlink()
    report = move_files(configured(new, old), new)
    assert report.moved == 1
    assert report.problems == [
        f"damaged.txt of job {job.id} does not match its SHA-256, and was left where it is.",
        f"missing.txt of job {job.id} is in neither place.",
    ]
    assert [path.name for path in everything(files_at(before.settings, new))] == [good.id.hex]
    assert stored_path(before.files, damaged.id).read_bytes() == b"CONTENT"


def test_a_damaged_copy_of_an_earlier_move_is_replaced(places: list[str], configured: Configured, job: Job) -> None:
    new, old = places
    file = configured(old).jobs.add_attachment(job.id, "a.txt", b"content")
    process = configured(new, old)
    with process.files.new_file(file_id=file.id) as copy:
        copy.write(b"CONTENT")
        copy.keep("a.txt")
    assert move_files(process, new).problems == []
    assert contents(configured(new).files, [file.id]) == [b"content"]


def test_a_file_that_is_deleted_while_it_is_moved_is_not_brought_back(
    places: list[str], configured: Configured, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    new, old = places
    file = configured(old).jobs.add_attachment(job.id, "a.txt", b"content")
    process = configured(new, old)

    def delete(_point: str) -> None:
        with writing(process.engine) as connection:
            connection.execute(update(attachments).values(deleted_at=job.created_at))
        process.files.remove(file.id)

    monkeypatch.setattr(file_move, "faultpoint", delete)
    move_files(process, new)
    assert list(process.files.files(timedelta.min, time())) == []


def test_files_without_a_row_stay_and_are_counted(places: list[str], configured: Configured, job: Job) -> None:
    new, old = places
    waiting = configured(old).files.receive(b"waits for a form", "a.txt")
    process = configured(new, old)
    assert move_files(process, new).without_row == 1
    assert process.files.has(waiting.id)


def test_a_move_that_makes_no_sense_is_refused_with_what_to_do(places: list[str], configured: Configured) -> None:
    new, old = places
    with pytest.raises(BadMove, match="Set DESKJOB_STORAGE_URL_OLD to the place from which to move"):
        move_files(configured(new), new)
    with pytest.raises(BadMove, match="Exchange DESKJOB_STORAGE_URL and DESKJOB_STORAGE_URL_OLD"):
        move_files(configured(new, old), old)


def test_a_bucket_that_is_gone_ends_the_move_before_it_begins(
    services: Services, s3_place: dict[str, Any], configured: Configured
) -> None:
    services.settings = services.settings.model_copy(update={**s3_place, "storage_url": ""})
    with pytest.raises(StorageUnavailable, match="does not exist"):
        move_files(configured(""), "s3://no-such-bucket/files")
