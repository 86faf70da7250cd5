"""Layers, style and types are rules that fail the build."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(3600)  # of all tests, these use most of the processor
ROOT = Path(__file__).parent.parent


def run_module(*command: str) -> tuple[int, str]:
    """Run a Python module; return its exit status and its output."""
    done = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_imports_follow_the_layers() -> None:
    code = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_linter_finds_nothing() -> None:
    status, output = run_module("ruff", "check", "--no-cache", ".")
    assert status == 0, output


def test_the_code_is_formatted() -> None:
    status, output = run_module("ruff", "format", "--check", "--no-cache", ".")
    assert status == 0, output


@pytest.mark.exhaustive
def test_the_type_checker_finds_nothing() -> None:
    status, output = run_module("mypy", "webapp", "benchmarks", "worker.py")
    assert status == 0, output
