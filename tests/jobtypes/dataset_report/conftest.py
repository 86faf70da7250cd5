"""A fake job context that records what the handler reports."""

import csv
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from webapp.jobs.definition.job_type import Upload
from webapp.jobtypes.dataset_report import DatasetReport, dataset_report


class Input:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.name
        self.size = path.stat().st_size

    def open(self) -> BinaryIO:
        return self.path.open("rb")


@dataclass
class WriteOnly:
    """All that an attachment promises to be."""

    write: Callable[[bytes], int]


class RememberedJob:
    def __init__(self, path: Path) -> None:
        self.inputs = {"file": Input(path)}
        self.warnings: list[str] = []
        self.progresses: list[dict[str, Any]] = []
        self.files: dict[str, bytes] = {}
        self.logger = logging.getLogger(__name__)

    def progress(self, percent: float | None = None, **words: Any) -> None:
        self.progresses.append({"percent": percent, **words})

    def warn(self, text: str) -> None:
        self.warnings.append(text)

    @contextmanager
    def open_attachment(self, name: str, media_type: str | None = None) -> Iterator[WriteOnly]:
        out = BytesIO()
        yield WriteOnly(out.write)
        self.files[name] = out.getvalue()

    def attach(self, name: str, data: bytes, media_type: str | None = None) -> None:
        self.files[name] = data


@dataclass
class Reported:
    """What a job left."""

    warnings: list[str]
    progresses: list[dict[str, Any]]
    files: dict[str, bytes]

    @property
    def profile(self) -> dict[str, Any]:
        return json.loads(self.files["profile.json"])

    @property
    def html(self) -> str:
        return self.files["report.html"].decode()

    @property
    def cleaned(self) -> list[list[str]]:
        return list(csv.reader(StringIO(self.files["cleaned.csv"].decode(), newline="")))

    def column(self, name: str) -> dict[str, Any]:
        return next(column for column in self.profile["columns"] if column["name"] == name)


@pytest.fixture(scope="session")
def report_on(tmp_path_factory):
    """Run the job on a path, or on text or bytes of a CSV file."""
    folder = tmp_path_factory.mktemp("datasets")

    def run(source: Path | str | bytes, **options: Any) -> Reported:
        path = source if isinstance(source, Path) else _written(folder / "data.csv", source)
        job = RememberedJob(path)
        upload = Upload(name=path.name, size=job.inputs["file"].size, sha256="")
        dataset_report(job, DatasetReport(file=upload, **options))
        return Reported(job.warnings, job.progresses, job.files)

    return run


def _written(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path
