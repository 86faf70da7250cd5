import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.installation import environment
from webapp.fault_injection import SETTING, Fault, arm, faultpoint


@pytest.fixture
def armed(tmp_path: Path) -> Iterator[Path]:
    arm(tmp_path)
    yield tmp_path
    arm(None)


def test_a_fault_happens_once_and_only_at_its_point(armed: Path) -> None:
    (armed / "here").write_text("raise")
    faultpoint("there")
    with pytest.raises(Fault, match="here"):
        faultpoint("here")
    faultpoint("here")


@pytest.mark.parametrize(("action", "status"), [("kill", -signal.SIGKILL), ("exit", os.EX_SOFTWARE), ("sleep 0", 0)])
def test_the_environment_arms_a_process(tmp_path: Path, action: str, status: int) -> None:
    (tmp_path / "here").write_text(action)
    command = [sys.executable, "-c", "from webapp.fault_injection import faultpoint; faultpoint('here')"]
    process = subprocess.run(command, env={**environment(), SETTING: str(tmp_path)}, check=False)
    assert process.returncode == status
    assert [file.name for file in tmp_path.iterdir()] == ["here.struck"]
