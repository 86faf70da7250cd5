import os
import signal

from tests.jobs.execution.isolation.forked import in_child
from webapp.jobs.execution.isolation.signal_state import SignalState


def test_a_blocked_alarm_is_discarded_and_the_next_one_arrives() -> None:
    def work() -> object:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        state = SignalState()
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        signal.raise_signal(signal.SIGALRM)
        state.put_back()
        arrived: list[int] = []
        signal.signal(signal.SIGALRM, lambda number, _: arrived.append(number))
        signal.raise_signal(signal.SIGALRM)
        return [arrived, state.is_changed()]

    assert in_child(work) == [[signal.SIGALRM], True]


def test_a_blocked_request_of_the_worker_is_not_lost() -> None:
    def work() -> object:
        arrived: list[int] = []
        signal.signal(signal.SIGUSR2, lambda number, _: arrived.append(number))
        state = SignalState()
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2})
        signal.raise_signal(signal.SIGUSR2)
        state.put_back()
        return [arrived, state.is_changed()]

    assert in_child(work) == [[signal.SIGUSR2], False]


def test_another_handler_of_a_caught_signal_is_noticed() -> None:
    def work() -> object:
        signal.signal(signal.SIGUSR2, lambda *_: None)
        state = SignalState()
        signal.signal(signal.SIGUSR2, lambda *_: None)
        changed = state.is_changed()
        state.put_back()
        return [changed, state.is_changed()]

    assert in_child(work) == [True, False]


def test_a_closed_file_counts_as_changed() -> None:
    def work() -> object:
        state = SignalState()
        os.closerange(3, 100) if state._stat is None else os.close(state._stat)
        return state.is_changed()

    assert in_child(work) is True
