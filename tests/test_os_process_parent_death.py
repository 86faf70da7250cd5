import os
import signal
import subprocess
import sys

import psutil

from tests.installation import environment, has_ended, wait_for

PARENT = """
import os, signal, time
from webapp.os_process import die_with_parent
parent = os.getpid()
child = os.fork()
if not child:
    die_with_parent(parent)
    time.sleep(900)
print(child, flush=True)
time.sleep(900)
"""
LATE = "from webapp.os_process import die_with_parent; die_with_parent(1)"


def test_a_child_dies_with_its_killed_parent() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], env=environment(), stdout=subprocess.PIPE) as parent:
        child = psutil.Process(int(parent.stdout.readline()))
        parent.send_signal(signal.SIGKILL)
    wait_for(lambda: has_ended(child))


def test_a_child_whose_parent_is_already_gone_exits() -> None:
    assert subprocess.run([sys.executable, "-c", LATE], env=environment(), check=False).returncode == os.EX_TEMPFAIL
