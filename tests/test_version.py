import subprocess
import sys
from pathlib import Path

from webapp.version import NUMBER, version

ROOT = Path(__file__).parent.parent


def test_two_processes_with_the_same_code_have_the_same_version() -> None:
    code = "from webapp.version import version; print(version())"
    process = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert process.stdout.strip() == version()
    assert version().startswith(f"{NUMBER}+")


def test_the_number_matches_the_package() -> None:
    assert f'version = "{NUMBER}"' in (ROOT / "pyproject.toml").read_text()
