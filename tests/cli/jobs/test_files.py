import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from uuid import UUID

import pytest
from click.testing import Result

from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")
Run = Callable[..., Result]


@pytest.fixture
def job_id(run: Run, services: Services, table: Path) -> str:
    """A job with two files of one name."""
    created: str = run("job", "start", "dataset_report", "--file", f"file={table}").stdout.strip()
    services.jobs.add_attachment(UUID(created), "table.csv", b"a,b\n3,4\n")
    return created


def test_files_are_listed(run: Run, job_id: str, table: Path) -> None:
    assert run("job", "files", job_id).stdout.splitlines()[0].split() == ["input", "8", "table.csv"]
    first = json.loads(run("job", "files", job_id, "--json").stdout)[0]
    assert (first["role"], first["sha256"]) == ("input", sha256(table.read_bytes()).hexdigest())


def test_the_list_says_until_when_a_file_is_kept(run: Run, job_id: str, services: Services) -> None:
    [file] = [file for file in services.jobs.attachments(UUID(job_id)) if file.expires_at]
    assert run("job", "files", job_id).stdout.splitlines()[1].endswith(f"until {file.expires_at:%Y-%m-%d %H:%M} UTC")
    listed = json.loads(run("job", "files", job_id, "--json").stdout)
    assert [each["expires_at"] for each in listed] == [None, file.expires_at.isoformat()]


def test_files_with_one_name_are_downloaded_under_different_names(run: Run, job_id: str, tmp_path: Path) -> None:
    assert run("job", "files", job_id, "--download", tmp_path / "new" / "out").exit_code == 0
    copied = {path.name: path.read_text() for path in (tmp_path / "new" / "out").iterdir()}
    assert copied == {"table.csv": "a,b\n1,2\n", "table (2).csv": "a,b\n3,4\n"}


def test_an_existing_file_is_never_overwritten(run: Run, job_id: str, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "table (2).csv").write_text("mine")
    refused = run("job", "files", job_id, "--download", tmp_path / "out")
    assert refused.exit_code == 2
    assert "already exists. Choose another folder." in refused.stderr
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["table (2).csv"]


def test_a_file_missing_on_disk_fails_with_a_sentence(
    run: Run, job_id: str, services: Services, tmp_path: Path
) -> None:
    services.files.remove(services.jobs.attachments(UUID(job_id))[0].id)
    refused = run("job", "files", job_id, "--download", tmp_path / "out")
    assert refused.exit_code == 1
    assert "table.csv is missing on disk" in refused.stderr
