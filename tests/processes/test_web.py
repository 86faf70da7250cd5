import gc
import re
import resource
import signal
import warnings
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy import create_engine

from webapp.db.engine import engine_options
from webapp.processes import web
from webapp.views.metrics.request_counts import request_counts_of

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


@pytest.fixture
def unfrozen() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    with warnings.catch_warnings(action="ignore"):  # about what other tests have left
        gc.collect()
    yield
    gc.unfreeze()
    signal.signal(signal.SIGTERM, before)


@pytest.mark.usefixtures("unfrozen")
def test_what_is_loaded_before_a_fork_is_left_alone_by_the_garbage_collector() -> None:
    web._prepare_to_fork(object())
    assert gc.get_freeze_count() > 10_000


def test_each_thread_of_a_serving_process_has_a_small_page_cache(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'small.sqlite3'}"
    (tmp_path / "small.sqlite3").touch()
    engine = create_engine(url, **engine_options(url))
    with engine.connect() as connection:
        usual = connection.exec_driver_sql("PRAGMA cache_size").scalar_one()
    web.forget_inherited_connections(engine)
    web.limit_page_cache(engine, web._PAGE_CACHE_KIBIBYTES)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA cache_size").scalar_one() == -web._PAGE_CACHE_KIBIBYTES > usual
    engine.dispose()


def test_only_what_is_read_from_a_bucket_waits_for_it(app: Flask) -> None:
    reading = {"files.download", "files.table", "bundle.download", "api.download_file"}
    services = app.extensions["deskjob"]
    services.settings = services.settings.model_copy(update={"storage_url": "s3://bucket/files"})
    pages = web.Pages(app, address="127.0.0.1:0", processes=1, threads=1)
    found = {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if pages.waits_for_storage({"PATH_INFO": re.sub("<uuid:[^>]*>", str(uuid4()), rule.rule)})
    }
    assert found == reading


def test_files_of_a_folder_make_nobody_wait(app: Flask) -> None:
    pages = web.Pages(app, address="127.0.0.1:0", processes=1, threads=1)
    assert not pages.waits_for_storage({"PATH_INFO": f"/jobs/{uuid4()}/files/{uuid4()}"})


def test_a_first_request_is_answered_before_any_fork_and_counted_nowhere(
    app: Flask, unfrozen: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    monkeypatch.setattr(web.Pages, "run", lambda _: seen.append("forks"))
    app.before_request(lambda: seen.append("a request"))
    web.serve(app, host="127.0.0.1", port=0)
    assert seen == ["a request", "forks"]
    assert request_counts_of(app).by_endpoint() == {}
