"""How the tests are collected and run, and the fixtures of every test, which are imported from modules by subject."""

import gc
import os
import signal
from collections.abc import Generator, Iterator
from itertools import chain, groupby, islice
from pathlib import Path

import pytest

from tests.application import (  # noqa: F401  (fixtures)
    app,
    compiled_templates,
    run_jobs,
    services,
    settings,
    usual_settings,
)
from tests.browser import browser  # noqa: F401  (fixtures)
from tests.databases import (  # noqa: F401  (fixtures)
    BY_MONTH,
    database,
    database_url,
    divided_databases,
    postgresql_databases,
    sqlite_template,
)
from tests.exhaustive import (
    keep_default_cases,
    leave_out_partitions,
    runs_by_default,
    set_up_hypothesis,
    take_databases_in_turn,
)
from tests.people import admin, client_of, password, person, quick_passwords, user  # noqa: F401  (fixtures)
from tests.process_patches import (  # noqa: F401  (fixtures)
    no_open_sockets,
    no_open_sockets_of_a_module,
    patient_connections,
    patient_dry_runs,
    real_find_leftovers,
    redis_pools,
    shared_caches,
)
from tests.servers import (  # noqa: F401  (fixtures)
    memory_folder,
    postgresql,
    postgresql_cluster,
    postgresql_server,
    s3_server,
    valkey_url,
)
from tests.stored_files import file_size_limit, files, s3_place, storage  # noqa: F401  (fixtures)

LONGEST = (
    *("tests/test_architecture", "tests/journeys", "tests/processes", "tests/benchmarks", "tests/faults"),
    *(
        "tests/jobs/lifecycle/test_lifecycle",
        "tests/views/page/test_permissions_by_url",
        "tests/views/admin/test_job_doors",
    ),
)


def pytest_xdist_auto_num_workers() -> int:
    """Run more tests at once than there are cores, because many of them wait for processes.

    Each process of tests takes 4 s of CPU to collect them, and has its own servers and browser.
    """
    return 2 * (os.cpu_count() or 2)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--all", action="store_true", help="run the exhaustive matrices too, as the continuous build does")


def pytest_configure(config: pytest.Config) -> None:
    _hear_signals()
    set_up_hypothesis(thorough=config.getoption("--all"))
    if memory := memory_folder():
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(memory))  # on a disk, each database is synchronised


def _hear_signals() -> None:
    """Undo `nohup` and ``&``: a shell without job control starts background programs that ignore Ctrl-C."""
    for number, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, handler)


@pytest.hookimpl(wrapper=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> Generator[None, None, None]:
    """Leave out the exhaustive cases unless they were requested: making them takes as long as making the others."""
    yield
    leave_out_partitions(metafunc, BY_MONTH)
    if metafunc.config.getoption("--all"):
        return
    take_databases_in_turn(metafunc)
    if not any("[" in argument for argument in metafunc.config.args):
        keep_default_cases(metafunc)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for no garbage while tests are collected: that takes a tenth of the time, and there is little."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the rest of the exhaustive part, and start the modules that take longest early."""
    if not config.getoption("--all"):
        named = {argument for argument in config.args if "[" in argument}
        cases = {item: getattr(item, "callspec", None) for item in items if item.nodeid not in named}
        left_out = {item for item, case in cases.items() if not runs_by_default(item, case)}
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
    items[:] = _longest_early(items)


def _longest_early(items: list[pytest.Item]) -> Iterator[pytest.Item]:
    """Begin with the longest modules, and others between them: the longest wait for processes, the others do not."""
    modules = [list(module) for _, module in groupby(items, key=lambda item: item.nodeid.partition("::")[0])]
    longest = [module for module in modules if _is_long(module[0])]
    others = [module for module in modules if not _is_long(module[0])]
    each = len(others) // (2 * len(longest)) if longest else 0
    between = iter(others)
    for module in longest:
        yield from module
        yield from chain.from_iterable(islice(between, each))
    yield from chain.from_iterable(between)


def _is_long(item: pytest.Item) -> bool:
    return item.nodeid.startswith(LONGEST) or item.get_closest_marker("browser") is not None


def pytest_collection_finish() -> None:
    """Exclude the collected tests and the modules from garbage collection: they stay until the end."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000)  # a twelfth of all time would be spent looking for garbage


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that all test processes of this run share."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture
def thorough(pytestconfig: pytest.Config) -> bool:
    """Tell whether `--all` was given: state machines take more examples then."""
    return bool(pytestconfig.getoption("--all"))
