"""Every command prints the same and ends with the same status on the machine and over the API, or says it does not."""

import re
from collections.abc import Callable
from difflib import ndiff

import pytest
from click.testing import Result

from tests.api.conftest import Objects, guarded
from tests.cli.remote.command_calls import CALLS, STDIN
from tests.cli.test_import_cost import COMMANDS
from tests.exhaustive import exhaustive
from tests.views.page.conftest import sheet
from webapp.accounts.user import User
from webapp.cli.command_group import LazyCommand
from webapp.jobs.model.job import Job
from webapp.services import Services

ON_MACHINE = {path for path, command in COMMANDS.items() if isinstance(command, LazyCommand) and command.on_machine}
GROUPS = sorted({path.partition(" ")[0] for path in CALLS})
BY_DEFAULT = "job"  # the group that people and programs use most
_CHANGING = (
    (r"[0-9a-f]{8}-[0-9a-f-]{27}|\b[0-9a-f]{32}\b", "ID"),
    (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?([+-]\d\d:\d\d)?", "TIME"),
    (r"http://127\.0\.0\.1:\d+/", "/"),
    (r"\bdj_\w+", "TOKEN"),
    (r"\bwhsec_[\w+/=]+", "KEY"),
    (r"(Password \(shown only once\): |\"one_time_password\": )\S+", r"\1PASSWORD"),
    (r"\b([0-9a-f]{8}|[0-9a-f]{16})\b", "SHORT"),
    (r'"(\w+_by)": (null|"ID")', r'"\1": SOMEBODY'),
    (r'"(oldest_wait|silent_for)": [\d.e-]+', r'"\1": SECONDS'),
    (r'"(fair|id|priority)": \d+', r'"\1": NUMBER'),
    (r"(?m)^ *\d+ +(?=TIME)", "NUMBER "),
    (r"\d+ (of \d+|bytes|jobs)", "AMOUNT"),
    (r"heartbeat \d+ s ago|oldest \d+ s", "SECONDS"),
)


def constant(output: str) -> str:
    """Return an output without what differs from call to call."""
    for pattern, replacement in _CHANGING:
        output = re.sub(pattern, replacement, output)
    return re.sub(" +", " ", output)


def shown(done: Result) -> list[str]:
    """Return the lines that a command printed, and its exit status."""
    return [*constant(done.stdout).splitlines(), *constant(done.stderr).splitlines(), f"status {done.exit_code}"]


@pytest.fixture
def objects(
    services: Services,
    user: User,
    put: Callable[..., Job],
    attach: Callable[..., object],
    write_log: Callable[..., None],
) -> Objects:
    def person(name: str) -> User:
        return services.accounts.add(name, "plain tests are calm tests")

    services.registry.add(guarded)
    services.registry.add(sheet)
    return Objects(services, user, put, attach, person, write_log=write_log)


def test_every_command_works_over_the_api_or_on_the_machine_only() -> None:
    assert set(CALLS) | ON_MACHINE == set(COMMANDS)
    assert not set(CALLS) & ON_MACHINE
    assert {"up", "web", "clock", "verify", "db upgrade"} <= ON_MACHINE


@pytest.mark.parametrize("group", [group if group == BY_DEFAULT else exhaustive(group) for group in GROUPS])
def test_a_command_prints_the_same_and_ends_with_the_same_status(
    group: str, run: Callable[..., Result], far: Callable[..., Result], objects: Objects, thorough: bool
) -> None:
    """By default, the first call of each command of one group."""
    different = []
    for path in (path for path in CALLS if path.startswith(f"{group} ")):
        for call in CALLS[path] if thorough else CALLS[path][:1]:
            typed = {"input": STDIN[path]} if path in STDIN else {}
            near = run(*path.split(), *call(objects), **typed)
            away = far(*path.split(), *call(objects), **typed)
            expected, found = (shown(done) for done in (near, away))
            if expected != found or near.exit_code not in {0, 1, 2}:
                lines = [line for line in ndiff(expected, found) if line[:1] in "+-"]
                different.append((path, lines, away.exc_info[1]))
    assert not different, "\n".join(map(str, different))


def test_a_command_for_the_machine_says_so(far: Callable[..., Result]) -> None:
    for path in (*sorted(ON_MACHINE), "worker"):
        done = far(*path.split())
        sentence = f"deskjob: `deskjob {path}` works on the machine of the installation only. "
        assert (done.exit_code, done.stderr) == (2, f"{sentence}Leave out --server and DESKJOB_SERVER.\n")
        assert far(*path.split(), "--help").exit_code == 0


def test_running_a_job_here_is_for_the_machine(far: Callable[..., Result], objects: Objects) -> None:
    done = far("job", "run", objects.job().id)
    assert (done.exit_code, "without `--debug` works on the machine" in done.stderr) == (2, True)
