"""Run dataset reports with a fake job context, without a database."""

import csv
import json
from collections.abc import Iterator, Mapping
from importlib import import_module
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from webapp.jobs import Upload
from webapp.jobs.testing import FakeJobContext
from webapp.jobtypes.dataset_report import DatasetReport, dataset_report
from webapp.jobtypes.tables.engine import analysis, conversion
from webapp.jobtypes.tables.reading import encoding


class ReportingJob(FakeJobContext):
    """A fake job context whose output files can be read."""

    @property
    def profile(self) -> dict[str, Any]:
        return json.loads(self._output("-profile.json"))

    @property
    def html(self) -> str:
        return self._output(".html").decode()

    @property
    def cleaned(self) -> list[list[str]]:
        return list(csv.reader(StringIO(self._output("-cleaned.csv").decode(), newline="")))

    def _output(self, ending: str) -> bytes:
        return next(content for name, content in self.attachments.items() if name.endswith(ending))

    def column(self, name: str) -> dict[str, Any]:
        return next(column for column in self.profile["columns"] if column["name"] == name)


@pytest.fixture
def native_functions_run_here(monkeypatch):
    """Call DuckDB and chardet in this process, which is several times as fast; tests of whole jobs start others."""
    for module in (analysis, conversion, encoding):
        monkeypatch.setattr(module, "call_native", _call_here)


def _call_here(function: str, arguments: Mapping[str, Any], **_limits: int) -> Iterator[Any]:
    module, _, name = function.partition(":")
    return getattr(import_module(module), name)(**arguments)


class NoAccounts:
    """Nobody has an account."""

    def get(self, user_id: object) -> None:
        """Return nobody."""


@pytest.fixture
def report_on(tmp_path, native_functions_run_here):
    """Run the job on a path, or on text or bytes of a CSV file."""
    folder = tmp_path / "datasets"
    folder.mkdir()

    def run(source: Path | str | bytes, *, earlier: str | None = None, **options: Any) -> ReportingJob:
        inputs = {"file": source if isinstance(source, Path) else _written(folder / "data.csv", source)}
        if earlier is not None:
            inputs["compare_with"] = _written(folder / "earlier.csv", earlier)
        job = ReportingJob(inputs=inputs)
        uploads = {name: Upload(name=path.name, size=job.inputs[name].size, sha256="") for name, path in inputs.items()}
        job.run(dataset_report, DatasetReport(**uploads, **options), accounts=NoAccounts())
        return job

    return run


def _written(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path
