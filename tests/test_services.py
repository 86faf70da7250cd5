from datetime import timedelta
from functools import cached_property
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from webapp.config import load
from webapp.services import INJECTABLES, Services


def built(tmp_path: Path, **settings: object) -> Services:
    engine = create_engine(f"sqlite:///{tmp_path}/deskjob.sqlite3")
    return Services(load(data_dir=tmp_path, secret_key="k" * 32, **settings), engine)


def test_building_opens_no_connection(tmp_path: Path) -> None:
    built(tmp_path, redis_url="redis://192.0.2.1:1").build()
    assert list(tmp_path.iterdir()) == []


def test_the_queues_are_known_without_the_shipped_job_types(tmp_path: Path) -> None:
    services = built(tmp_path)
    assert services._queue_names() == ("default", "notifications")
    assert "registry" not in vars(services)
    own = built(tmp_path, jobtypes="tests.jobs.fake_types")
    assert own._queue_names() == ("default", *(queue for queue in own.registry.queues if queue != "default"))


def test_a_removed_type_has_a_timeout_for_the_watchdog(tmp_path: Path) -> None:
    services = built(tmp_path)
    assert services._type_or_removed("removed").timeout < timedelta(hours=1)
    assert services._type_or_removed("maintenance").timeout == services.registry.get("maintenance").timeout


def test_every_service_that_a_handler_requests_exists(tmp_path: Path) -> None:
    services = built(tmp_path)
    available = set(services._injectables())
    names = {f"{each.__module__}:{each.__qualname__}" for each in available}
    assert names == set(INJECTABLES), "what declarations are checked against"
    for job_type in services.registry:
        assert set(job_type.needs.values()) <= available, job_type.name


def test_a_setting_gives_each_job_its_own_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert built(tmp_path).work_horse()._budget.jobs > 1
    monkeypatch.setenv("DESKJOB_OWN_PROCESS", "true")
    assert built(tmp_path).work_horse()._budget.jobs == 1


def test_building_leaves_nothing_to_be_built_in_a_fork(tmp_path: Path) -> None:
    services = built(tmp_path).build()
    assert services.registry._deferred == {}
    lazy = {name for name, attribute in vars(Services).items() if isinstance(attribute, cached_property)}
    assert lazy <= vars(services).keys()
    assert {"executor", "registry", "wake_ups"} <= lazy


def test_a_service_is_built_when_it_is_used_and_kept(tmp_path: Path) -> None:
    services = built(tmp_path)
    assert "accounts" not in vars(services)
    assert services.accounts is services.accounts
    assert "registry" not in vars(services), "accounts need no job types"
