from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from flask import Flask

from tests.installation import Installation, installed
from webapp.cli import context, deskjob
from webapp.services import Services

QUICK = "job_history_export"  # needs no file


@pytest.fixture
def run(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run `deskjob …` in this process."""
    monkeypatch.setattr(context, "app", lambda: app)
    monkeypatch.setattr(context, "opened", lambda: app.extensions["deskjob"])

    def run(*words: object, **options: str) -> Result:
        return CliRunner().invoke(deskjob, [str(word) for word in words], prog_name="deskjob", **options)

    return run


@pytest.fixture
def start(services: Services) -> Callable[..., str]:
    """Create a job that waits; return its id."""
    return lambda **choices: str(services.jobs.create_system_job(QUICK, **choices).id)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "table.csv"
    path.write_text("a,b\n1,2\n")
    return path


@pytest.fixture
def installation(sqlite_template: Path, valkey_url: str) -> Iterator[Installation]:
    with installed(sqlite_template, valkey_url) as installation:
        yield installation
