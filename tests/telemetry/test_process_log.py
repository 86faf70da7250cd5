import subprocess
import sys
from pathlib import Path

import pytest

from webapp.telemetry.process_log import OLDER_FILES, ProcessLog


def followed(log: ProcessLog, code: str) -> None:
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert process.stdout is not None
    log.follow(process.stdout)
    process.wait()
    log.finish(60)


def test_the_file_has_everything_that_a_process_writes(tmp_path: Path) -> None:
    log = ProcessLog(tmp_path / "log" / "one.log")
    followed(log, "import os; print('one ü', flush=True); os.write(2, b'\\xff two\\n'); print('no end', end='')")
    followed(log, "print('of the next process')")
    written = (tmp_path / "log" / "one.log").read_text()
    assert written == "one ü\n\\xff two\nno end\nof the next process\n"
    assert (tmp_path / "log" / "one.log").stat().st_mode & 0o777 == 0o600


def test_it_is_replaced_before_it_is_too_large(tmp_path: Path) -> None:
    path = tmp_path / "one.log"
    path.write_text("of an earlier start\n")
    log = ProcessLog(path, max_bytes=10_000)
    followed(log, "for number in range(20_000): print(f'line {number:6}')")
    files = sorted(tmp_path.iterdir())
    assert [file.name for file in files] == ["one.log", *(f"one.log.{number}" for number in range(1, OLDER_FILES + 1))]
    assert all(file.stat().st_size <= 10_000 for file in files)
    assert path.read_text().endswith("line  19999\n")
    lines = "".join(file.read_text() for file in files[:0:-1]).splitlines() + path.read_text().splitlines()
    assert lines == [f"line {number:6}" for number in range(20_000 - len(lines), 20_000)]


def test_a_process_does_not_wait_for_a_log_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "one.log").mkdir()
    followed(ProcessLog(tmp_path / "one.log"), "print('x' * 1_000_000)")


@pytest.mark.parametrize("size", [64 * 1024, 200_000])
def test_a_long_line_is_written_in_parts(tmp_path: Path, size: int) -> None:
    followed(ProcessLog(tmp_path / "one.log"), f"print('x' * {size})")
    assert (tmp_path / "one.log").read_text().replace("\n", "") == "x" * size
