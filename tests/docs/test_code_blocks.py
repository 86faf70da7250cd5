"""Every code block of the documentation is run or read, and its tests pass. The blocks of a page share their names."""

import builtins
import inspect
import json
import re
import subprocess
import sys
import textwrap
import tomllib
import weakref
from collections.abc import Iterator
from configparser import ConfigParser
from datetime import date
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, cast

import pytest
import yaml
from blinker import Signal
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser

from webapp.jobs import JobContext, job_type
from webapp.jobs.definition.job_type import JobType
from webapp.jobs.store import signals
from webapp.jobs.testing import FakeJobContext
from webapp.services import Services

ROOT = Path(__file__).parents[2]
AUTHORS = ROOT / "docs" / "authors"
BLOCK = re.compile(r"^( *)```(\w+)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
SIGNALS = [value for value in vars(signals).values() if isinstance(value, Signal)]
NOT_READ = {"dockerfile", "sql", "text"}  # a few lines each: an image, settings that `doctor` prints, a tree of files
TEXTS = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in sorted((*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")))
    if "decisions" not in path.parts
}
PARSER = Sybil(parsers=[PythonCodeBlockParser()], path=str(ROOT), filenames=list(TEXTS))


def blocks(page: str, language: str) -> list[str]:
    """Return the code blocks of a page in a language."""
    return [textwrap.dedent(code) for _indent, name, code in BLOCK.findall(TEXTS[page]) if name == language]


def pages_with(*languages: str) -> list[Any]:
    return [page for page in TEXTS if any(blocks(page, language) for language in languages)]


def names_after(page: str) -> dict[str, Any]:
    """Run the blocks of a page in order and return what they have defined."""
    document = PARSER.parse(ROOT / page)
    document.namespace["__name__"] = f"docs.{Path(page).stem}"
    for example in document.examples():
        example.evaluate()
    # where other code finds what a page declares at the top of a module
    sys.modules[document.namespace["__name__"]] = cast(ModuleType, SimpleNamespace(**document.namespace))
    document.namespace["__builtins__"] = builtins  # Sybil removes it, and functions need it when they are called
    return document.namespace


@pytest.fixture(autouse=True)
def _no_receivers_are_left() -> Iterator[None]:
    """Disconnect what a page has connected: each further test of this process would send signals to it."""
    yield
    for signal in SIGNALS:
        for reference in tuple(signal.receivers.values()):
            signal.disconnect(reference() if isinstance(reference, weakref.ref) else reference)


@pytest.mark.parametrize("page", pages_with("python"))
def test_the_code_of_a_guide_runs(page: str, services: Services) -> None:
    names = names_after(page)
    for declared in {id(value): value for value in names.values() if isinstance(value, JobType)}.values():
        services.registry.add(declared)
    for name, function in names.items():
        if name.startswith("test_"):
            function()


def test_the_results_of_the_example_are_what_the_text_says() -> None:
    names = names_after("docs/writing-job-types.md")
    job = FakeJobContext()
    names["orders_of_the_week"].handler(job, SimpleNamespace(month=date(2026, 5, 1)))
    assert list(job.attachments) == [
        *("Open the dashboard.link.json", "Summary.md", "Orders.chart.json", "Customers.csv")
    ]
    assert job.attachments["Customers.csv"] == b"name,orders\nAna,12\nBea,7\n"
    assert job.attachments["Summary.md"] == b"Sales in **May** rose by 12 %."


@pytest.mark.parametrize("page", pages_with("sh"))
def test_the_lines_for_a_shell_have_no_mistakes(page: str) -> None:
    """`test_commands.py` checks what they call."""
    lines = "\n".join(blocks(page, "sh"))
    read = subprocess.run(["sh", "-n"], input=lines, text=True, capture_output=True, check=False)
    assert (read.returncode, read.stderr) == (0, "")


@pytest.mark.parametrize("page", pages_with("json", "toml", "ini", "yaml"))
def test_data_can_be_read(page: str) -> None:
    for code in blocks(page, "yaml"):
        yaml.safe_load(code)
    for code in blocks(page, "json"):
        json.loads(code)
    for code in blocks(page, "toml"):
        tomllib.loads(code)
    for code in blocks(page, "ini"):
        ConfigParser(interpolation=None, strict=False).read_string(code)


def test_no_other_language_is_used() -> None:
    languages = {language for text in TEXTS.values() for _indent, language, _code in BLOCK.findall(text)}
    assert languages <= {"python", "sh", "json", "toml", "ini", "yaml", *NOT_READ}


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
