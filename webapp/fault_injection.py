"""Fault points: named places at which a test lets a process break, to see that nothing is lost there.

Armed by ``DESKJOB_FAULTS``, a folder, and only for processes that are started with it. A file in it
that is named as a point holds what happens when a process gets there next: ``kill``, ``exit``,
``raise``, or ``sleep`` and a number of seconds. It happens once: the file is renamed by the one
process that it strikes.
"""

import os
import signal
import time
from pathlib import Path

SETTING = "DESKJOB_FAULTS"
STRUCK = ".struck"
_folder = Path(os.environ[SETTING]) if os.environ.get(SETTING) else None


class Fault(Exception):
    """A test wanted something to break here."""


def faultpoint(name: str) -> None:
    """Break here, if a test asked for it; else this costs one look at a global."""
    if _folder is not None:
        _reach(_folder / name)


def arm(folder: Path | None) -> None:
    """Arm this process, which was not started with the setting; ``None`` disarms it."""
    global _folder  # noqa: PLW0603  (the one switch)
    _folder = folder


def _reach(asked: Path) -> None:
    struck = asked.with_name(asked.name + STRUCK)
    try:
        asked.rename(struck)
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
        raise Fault(asked.name)
