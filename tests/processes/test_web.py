import resource

import pytest

from webapp.processes import web

FOR_ALL = 2 * web._MOST_CONNECTIONS + web._OTHER_FILES
UNLIMITED = resource.RLIM_INFINITY


@pytest.mark.parametrize(
    ("soft", "hard", "raised_to", "connections"),
    [
        (1024, 100_000, FOR_ALL, web._MOST_CONNECTIONS),
        (1024, UNLIMITED, FOR_ALL, web._MOST_CONNECTIONS),
        (UNLIMITED, UNLIMITED, None, web._MOST_CONNECTIONS),
        (100_000, 100_000, None, web._MOST_CONNECTIONS),
        (1024, 4096, 4096, (4096 - web._OTHER_FILES) // 2),
        (1024, 1024, None, (1024 - web._OTHER_FILES) // 2),
        (256, 256, None, 16),
    ],
)
def test_a_process_keeps_as_many_connections_as_it_can_open_files(
    monkeypatch: pytest.MonkeyPatch, soft: int, hard: int, raised_to: int | None, connections: int
) -> None:
    limits: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, hard))
    monkeypatch.setattr(resource, "setrlimit", lambda _, limit: limits.append(limit))
    assert web._connections() == connections
    assert limits == ([(raised_to, hard)] if raised_to else [])
