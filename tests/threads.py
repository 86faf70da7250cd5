"""The threads that a test started, whatever other threads begin and end meanwhile."""

import threading


def threads() -> set[threading.Thread]:
    """Return the running threads, to compare with those of another moment.

    A number of threads would not do: those of the tests before end at any time. Threads of the test runner that become
    known when they log something are left out.
    """
    return {thread for thread in threading.enumerate() if not thread.name.startswith("Dummy-")}
