import ctypes
import os
import signal
import subprocess
import sys
import threading
import time

import psutil
import pytest

from webapp import os_process


def test_a_started_thread_blocks_all_signals() -> None:
    seen: list[set[int]] = []
    thread = os_process.start_thread(lambda: seen.append(set(signal.pthread_sigmask(signal.SIG_BLOCK, []))), "quiet")
    thread.join()
    assert seen[0] >= {signal.SIGTERM, signal.SIGINT, signal.SIGALRM, signal.SIGUSR2}
    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == set()
    assert thread.daemon


def test_the_main_thread_gets_signals_immediately_while_other_threads_are_busy() -> None:
    done = threading.Event()
    child = os.spawnlp(os.P_NOWAIT, "sleep", "sleep", "60")
    before = signal.signal(signal.SIGUSR1, lambda *_: os.kill(child, signal.SIGKILL))

    def busy() -> None:
        while not done.wait(0.0001):
            pass

    threads = [os_process.start_thread(busy, "busy") for _ in range(3)]
    sender = os_process.start_thread(lambda: (time.sleep(0.1), os.kill(os.getpid(), signal.SIGUSR1))[0], "sender")
    _, status, _ = os.wait4(child, 0)
    done.set()
    for thread in (*threads, sender):
        thread.join()
    signal.signal(signal.SIGUSR1, before)
    assert os.WTERMSIG(status) == signal.SIGKILL, "the signal interrupted the wait"


@pytest.mark.skipif(not hasattr(os_process._c, "malloc_trim"), reason="the C library is not glibc")
def test_what_a_thread_has_freed_goes_back_to_the_system() -> None:
    kept: list[bytes] = []

    def use_memory() -> None:
        pieces = [b"x" * 60_000 for _ in range(700)]
        kept.append(b"x" * 60_000)  # in the way of what the C library gives back by itself
        pieces.clear()

    thread = threading.Thread(target=use_memory)
    thread.start()
    thread.join()
    before = psutil.Process().memory_info().rss
    os_process.release_free_memory()
    assert psutil.Process().memory_info().rss < before - 20_000_000


GAPS = """
from webapp.os_process import _c, _HeapFigures, fill_memory_gaps
_c.mallinfo2.restype = _HeapFigures

def gaps():
    figures = _c.mallinfo2()
    return figures.free - figures.free_at_the_end

pieces = [bytes(size) for _ in range(50) for size in range(600, 6000, 40)]
del pieces[::2]
before = gaps()
fill_memory_gaps()
print(before, gaps())
"""


@pytest.mark.skipif(not hasattr(os_process._c, "mallinfo2"), reason="the C library is not glibc")
def test_no_memory_is_free_between_objects_after_gaps_were_filled() -> None:
    before, after = map(int, subprocess.check_output([sys.executable, "-c", GAPS], text=True).split())
    assert before > 5_000_000
    assert after < 20_000


def test_gaps_stay_where_the_c_library_does_not_tell_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os_process, "_c", ctypes.CDLL(None)["malloc"])
    os_process.fill_memory_gaps()
