"""Run the handler with a fake job context, without a database."""

import csv
import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from webapp.jobs import Upload
from webapp.jobs.testing import FakeJobContext
from webapp.jobtypes.dataset_report import DatasetReport, dataset_report


class ReportingJob(FakeJobContext):
    """A fake job context whose output files can be read."""

    @property
    def profile(self) -> dict[str, Any]:
        return json.loads(self.attachments["profile.json"])

    @property
    def html(self) -> str:
        return self.attachments["report.html"].decode()

    @property
    def cleaned(self) -> list[list[str]]:
        return list(csv.reader(StringIO(self.attachments["cleaned.csv"].decode(), newline="")))

    def column(self, name: str) -> dict[str, Any]:
        return next(column for column in self.profile["columns"] if column["name"] == name)


@pytest.fixture(scope="session")
def report_on(tmp_path_factory):
    """Run the job on a path, or on text or bytes of a CSV file."""
    folder = tmp_path_factory.mktemp("datasets")

    def run(source: Path | str | bytes, **options: Any) -> ReportingJob:
        path = source if isinstance(source, Path) else _written(folder / "data.csv", source)
        job = ReportingJob(inputs={"file": path})
        upload = Upload(name=path.name, size=job.inputs["file"].size, sha256="")
        job.run(dataset_report, DatasetReport(file=upload, **options))
        return job

    return run


def _written(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path
