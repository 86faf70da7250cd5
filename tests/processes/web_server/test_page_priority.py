import threading
from collections.abc import Iterator

import pytest

from tests.installation import PATIENCE_SECONDS
from webapp.processes.web_server import page_priority
from webapp.processes.web_server.page_priority import PagePriority


@pytest.fixture
def priority() -> PagePriority:
    return PagePriority()


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_priority, "_LONGEST_SECONDS", PATIENCE_SECONDS)


@pytest.fixture
def poll(priority: PagePriority) -> Iterator[threading.Thread]:
    thread = threading.Thread(target=priority.let_pages_go_first)
    yield thread
    thread.join(PATIENCE_SECONDS)
    assert not thread.is_alive()


@pytest.mark.usefixtures("patient")
def test_a_poll_begins_when_the_last_page_has_ended(priority: PagePriority, poll: threading.Thread) -> None:
    for _ in range(2):
        priority.page_begins()
    poll.start()
    priority.page_ends()
    assert poll.is_alive()
    priority.page_ends()


@pytest.mark.usefixtures("patient")
def test_a_poll_begins_at_once_without_a_page(priority: PagePriority) -> None:
    priority.let_pages_go_first()
    priority.page_begins()
    priority.page_ends()
    priority.let_pages_go_first()


def test_a_poll_does_not_wait_for_a_slow_page(priority: PagePriority) -> None:
    priority.page_begins()
    priority.let_pages_go_first()
