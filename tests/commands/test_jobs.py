import json
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest
from click.testing import CliRunner, Result
from flask import Flask

from webapp.accounts.user import User
from webapp.commands import current
from webapp.commands.jobs import job
from webapp.services import Services

Say = Callable[..., Result]


@pytest.fixture
def say(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Say:
    """Run `deskjob job …` in this process."""
    monkeypatch.setattr(current, "app", lambda: app)
    return lambda *words: CliRunner().invoke(job, list(words))


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "table.csv"
    path.write_text("a,b\n1,2\n")
    return path


def test_every_type_that_ships_can_be_started(say: Say) -> None:
    names = [kind["name"] for kind in json.loads(say("types", "--json").stdout)]
    assert set(names) >= {"dataset_report", "user_import", "job_history_export", "maintenance"}


def test_a_job_is_started_with_its_file_for_a_person(say: Say, services: Services, user: User, table: Path) -> None:
    done = say("start", "dataset_report", "--file", f"file={table}", "--as", user.name, "--json")
    assert done.exit_code == 0
    started = services.jobs.newest(1)[0]
    assert json.loads(done.stdout)["id"] == str(started.id)
    assert started.owner.user_id == user.id
    assert [file.name for file in services.jobs.attachments(started.id)] == ["table.csv"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("start", "dataset_report"), "file:"),
        (("start", "nothing_like_it"), "There is no job type"),
        (("start", "dataset_report", "--payload", "{"), "--payload is no JSON"),
        (("start", "dataset_report", "--file", "file=/no/such/file"), "write FIELD=PATH"),
        (("start", "dataset_report", "--as", "nobody"), "There is no active account named nobody"),
        (("show", "17"), "There is no job 17"),
        (("show", str(uuid4())), "There is no job"),
    ],
)
def test_bad_usage_gets_a_sentence_and_writes_nothing(
    say: Say, services: Services, words: tuple[str, ...], sentence: str
) -> None:
    refused = say(*words)
    assert refused.exit_code == 2
    assert sentence in refused.stderr
    assert services.jobs.newest(1) == ()


def test_the_files_of_a_job_are_copied(say: Say, services: Services, table: Path, tmp_path: Path) -> None:
    say("start", "dataset_report", "--file", f"file={table}")
    started = services.jobs.newest(1)[0]
    assert say("files", str(started.id), "--download", str(tmp_path / "out")).exit_code == 0
    assert (tmp_path / "out" / "table.csv").read_text() == table.read_text()


def test_a_job_is_shown_in_words_and_as_json(say: Say, services: Services, table: Path) -> None:
    say("start", "dataset_report", "--file", f"file={table}")
    started = services.jobs.newest(1)[0]
    assert "Dataset report" in say("show", str(started.id)).stdout
    assert json.loads(say("show", str(started.id), "--json").stdout)["status"] == "queued"
    assert str(started.id) in say("list").stdout
