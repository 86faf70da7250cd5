"""Fault points: named places where tests let a process fail, to check that nothing is lost.

They are active only in processes that are started with ``DESKJOB_FAULTS``, a folder. A file in it with
the name of a point contains what happens when a process reaches that point: ``kill``, ``exit``, ``raise``,
or ``sleep`` and a number of seconds. It happens once: the process that is hit renames the file.
"""

import os
import signal
import time
from pathlib import Path

SETTING = "DESKJOB_FAULTS"
STRUCK = ".struck"
_folder = Path(os.environ[SETTING]) if os.environ.get(SETTING) else None


class Fault(Exception):
    """Raised at a fault point that a test has armed with ``raise``."""


def faultpoint(name: str) -> None:
    """Fail here if a test has armed this point; otherwise only a global is checked."""
    if _folder is not None:
        _strike(_folder / name)


def arm(folder: Path | None) -> None:
    """Arm this process without the setting; ``None`` disarms it."""
    global _folder  # noqa: PLW0603  (the only switch)
    _folder = folder


def _strike(armed: Path) -> None:
    struck = armed.with_name(armed.name + STRUCK)
    try:
        armed.rename(struck)
    except FileNotFoundError:
        return
    action, _, seconds = struck.read_text().partition(" ")
    if action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif action == "exit":
        os._exit(os.EX_SOFTWARE)
    elif action == "sleep":
        time.sleep(float(seconds))
    else:
        raise Fault(armed.name)
