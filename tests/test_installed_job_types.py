from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from webapp import installed_job_types, jobtypes
from webapp.config import BadSettingError, Settings, load
from webapp.installed_job_types import ENTRY_POINTS, load_job_types, queues_of_shipped_types
from webapp.jobs.definition.registry import Registry
from webapp.services import INJECTABLES


def configured(tmp_path: Path, jobtypes: str = "") -> Settings:
    return load(data_dir=tmp_path, secret_key="k" * 32, jobtypes=jobtypes)


def loaded(tmp_path: Path, jobtypes: str = "") -> Registry:
    return load_job_types(configured(tmp_path, jobtypes), INJECTABLES)


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Install a package whose entry point is a module, in a folder that only this test imports from."""

    def install(module: str) -> None:
        information = tmp_path / "packages" / "own_types-1.0.dist-info"
        information.mkdir(parents=True)
        (information / "METADATA").write_text("Metadata-Version: 2.1\nName: own-types\nVersion: 1.0\n")
        (information / "entry_points.txt").write_text(f"[{ENTRY_POINTS}]\nown = {module}\n")
        monkeypatch.syspath_prepend(information.parent)
        monkeypatch.setattr(installed_job_types, "entry_points", entry_points)  # not those that tests share

    return install


def test_the_shipped_job_types_are_registered(tmp_path: Path) -> None:
    names = [job_type.name for job_type in loaded(tmp_path)]
    assert len(names) == len(set(names)) >= len(jobtypes.MODULES)
    assert "maintenance" in names


def test_the_shipped_job_types_are_loaded_when_they_are_needed(tmp_path: Path) -> None:
    registry = loaded(tmp_path, "tests.jobs.fake_types")  # not the registry that tests share
    queues = registry.queues
    assert list(registry._deferred) == [module.rpartition(".")[2] for module in jobtypes.MODULES]
    assert registry.get("maintenance").name == "maintenance"
    assert len(registry._deferred) == len(jobtypes.MODULES) - 1
    types = list(registry)[: len(jobtypes.MODULES)]
    assert [each.name for each in types] == [module.rpartition(".")[2] for module in jobtypes.MODULES]
    assert {each.queue for each in types} == set(queues)
    assert set(jobtypes.QUEUES.values()) == set(queues) - {"default"}


def test_the_queues_are_known_only_if_there_are_no_other_job_types(tmp_path: Path) -> None:
    queues = queues_of_shipped_types(configured(tmp_path))
    assert queues is not None
    assert {"default", *queues} == set(loaded(tmp_path).queues)
    assert queues_of_shipped_types(configured(tmp_path, "tests.jobs.fake_types")) is None


def test_the_setting_jobtypes_adds_job_types(tmp_path: Path) -> None:
    assert loaded(tmp_path, "tests.jobs.fake_types").get("deaf").title == "Never reports"


def test_the_error_for_a_missing_module_names_the_setting(tmp_path: Path) -> None:
    with pytest.raises(BadSettingError, match=r"DESKJOB_JOBTYPES cannot be used \('no.such.module'\)"):
        loaded(tmp_path, "no.such.module")


def test_an_installed_package_adds_job_types(tmp_path: Path, install: Callable[[str], None]) -> None:
    install("tests.jobs.fake_types")
    assert loaded(tmp_path).get("deaf").title == "Never reports"
    assert queues_of_shipped_types(configured(tmp_path)) is None


def test_the_error_for_a_missing_module_names_the_entry_point(tmp_path: Path, install: Callable[[str], None]) -> None:
    install("no.such.module")
    with pytest.raises(BadSettingError, match=r"The entry point deskjob.jobtypes cannot be used \('no.such.module'\)"):
        loaded(tmp_path)


def test_a_module_that_is_listed_twice_is_registered_once(tmp_path: Path) -> None:
    once, twice = loaded(tmp_path, "tests.jobs.fake_types"), loaded(tmp_path, ",".join(["tests.jobs.fake_types"] * 2))
    assert [each.name for each in twice] == [each.name for each in once]
