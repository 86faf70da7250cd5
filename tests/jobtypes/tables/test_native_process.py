import subprocess
import sys
from pathlib import Path

import pytest

from webapp.jobs import JobError
from webapp.jobtypes.tables.native_process import call_native

GENERATORS = "tests.jobtypes.tables.native_generators"
MEMORY = 300_000_000


def test_items_arrive_one_by_one() -> None:
    assert list(call_native(f"{GENERATORS}:counted", {"most": 3}, memory=MEMORY, seconds=10)) == [0, 1, 2]


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("refused", r"This is no table\."),
        ("greedy", r"The file needs more than 300 MB of memory\."),
        ("faulty", r"The file cannot be read: ZeroDivisionError"),
    ],
)
def test_every_end_is_a_sentence(function: str, message: str) -> None:
    with pytest.raises(JobError, match=message):
        list(call_native(f"{GENERATORS}:{function}", {}, memory=MEMORY, seconds=10))


@pytest.mark.exhaustive
def test_no_native_library_is_imported_by_the_application(tmp_path: Path) -> None:
    program = (
        "import sys, webapp.app, worker\n"
        "from webapp.config import load\n"
        "webapp.app.create_app(load(data_dir=sys.argv[1]))\n"
        "print(sorted({'duckdb', '_duckdb', 'python_calamine', 'chardet', 'openpyxl'} & set(sys.modules)))"
    )
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == "[]", done.stderr
