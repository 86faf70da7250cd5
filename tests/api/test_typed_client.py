"""A client that openapi-python-client generates from the document starts a job with a file and downloads its result."""

import json
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import validate

from tests.api.conftest import Program
from tests.views.browsing import address  # noqa: F401  (a fixture)

pytestmark = pytest.mark.exhaustive

GENERATE = "from openapi_python_client.cli import app; app()"


def test_the_document_is_valid_and_complete(admins_program: Program) -> None:
    document = admins_program.get("/openapi.json").json
    validate(document)
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    assert len({operation["operationId"] for operation in operations}) == len(operations)
    assert all(operation["summary"] and operation["description"] for operation in operations)
    assert all({"401", "403", "429", "default"} <= operation["responses"].keys() for operation in operations)
    assert all(tag["description"] for tag in document["tags"])
    parameters = [each for operation in operations for each in operation["parameters"] if each["in"] != "path"]
    assert [each["name"] for each in parameters if not each.get("description")] == []


@pytest.mark.exhaustive
def test_a_generated_client_starts_a_job_with_a_file_and_downloads_its_result(
    program: Program,
    address: str,  # noqa: F811
    run_jobs: Callable[..., int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    generated = generate(program, tmp_path, monkeypatch)
    client = generated("client").AuthenticatedClient(base_url=f"{address}/api/v1", token=program.text)
    models, types = generated("models"), generated("types")

    table = types.File(
        payload=BytesIO(b"city,people\nBern,134\nRome,2873\n"), file_name="cities.csv", mime_type="text/csv"
    )
    body = models.CreateJobFilesBody(job=models.StartDatasetReport(type_="dataset_report"), file=table)
    job = generated("api.jobs.create_job").sync(client=client, body=body)
    assert (job.type_, job.status) == ("dataset_report", models.Status.QUEUED)

    assert run_jobs() == 1
    ended = generated("api.jobs.get_job").sync(job.id, client=client, wait=10.0)
    assert ended.status is models.Status.COMPLETED
    files = generated("api.files.list_files").sync(job.id, client=client).items
    result = next(file for file in files if file.role == "output")
    content = generated("api.files.download_file").sync(job.id, result.id, client=client).payload.read()
    assert len(content) == result.size > 0
    problem = generated("api.jobs.cancel_job").sync(job.id, client=client)
    assert (type(problem), problem.status) == (models.Problem, 409)


def generate(program: Program, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """Generate the client; return a function that imports one of its modules."""
    document = folder / "openapi.json"
    document.write_text(json.dumps(program.get("/openapi.json").json))
    arguments = ["generate", "--path", document, "--output-path", folder / "deskjob_client", "--meta", "none"]
    done = subprocess.run(
        [sys.executable, "-c", GENERATE, *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, "WARNING" in done.stdout + done.stderr) == (0, False), done.stdout + done.stderr
    monkeypatch.syspath_prepend(str(folder))
    return lambda name: import_module(f"deskjob_client.{name}")
