"""The house keeps its shape: layers, style and types are rules that fail the build."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def outcome(*command: str) -> tuple[int, str]:
    done = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_imports_go_one_way() -> None:
    code = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_code_is_written_in_one_style() -> None:
    status, printed = outcome("ruff", "check", "--no-cache", ".")
    assert status == 0, printed


def test_the_code_is_laid_out_by_the_formatter() -> None:
    status, printed = outcome("ruff", "format", "--check", "--no-cache", ".")
    assert status == 0, printed


def test_the_types_hold() -> None:
    status, printed = outcome("mypy", "webapp", "benchmarks", "worker.py")
    assert status == 0, printed
