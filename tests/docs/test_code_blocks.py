"""Every Python block of the guides runs, and the tests in them pass. The blocks of a page share their names."""

import inspect
import re
from pathlib import Path
from typing import Any

import pytest
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser

from webapp.jobs import JobContext, job_type
from webapp.jobs.definition.job_type import JobType
from webapp.services import Services

ROOT = Path(__file__).parents[2]
AUTHORS = ROOT / "docs" / "authors"
GUIDES = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "README.md", *AUTHORS.glob("*.md")))
PARSER = Sybil(parsers=[PythonCodeBlockParser()], path=str(ROOT), filenames=GUIDES)


def names_after(page: str) -> dict[str, Any]:
    """Run the blocks of a page in order and return what they have defined."""
    document = PARSER.parse(ROOT / page)
    document.namespace["__name__"] = f"docs.{Path(page).stem}"
    for example in document.examples():
        example.evaluate()
    return document.namespace


@pytest.mark.parametrize("page", GUIDES)
def test_the_code_of_a_guide_runs(page: str, services: Services) -> None:
    names = names_after(page)
    for declared in {id(value): value for value in names.values() if isinstance(value, JobType)}.values():
        services.registry.add(declared)
    for name, function in names.items():
        if name.startswith("test_"):
            function()


def first_cells(page: str) -> str:
    """Return what is in code style in the first column of every table."""
    return " ".join(re.findall(r"^\| *(`[^|]*`[^|]*)\|", (AUTHORS / page).read_text(encoding="utf-8"), re.MULTILINE))


def test_every_option_of_a_job_type_is_described() -> None:
    described = set(re.findall(r"`(\w+)`", first_cells("options.md")))
    assert described == set(inspect.signature(job_type).parameters)


def test_every_method_of_the_context_is_described() -> None:
    described = set(re.findall(r"`(\w+)", first_cells("context.md")))
    public = {name for name in dir(JobContext) if not name.startswith("_")} | {"state", "inputs"}
    assert described == public - {"end"}
