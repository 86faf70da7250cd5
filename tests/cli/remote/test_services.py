"""The commands about jobs print the same and end with the same status on the machine and over the API."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.cli.test_import_cost import ENGINE, run_each
from webapp.accounts.audit_query import AuditCriteria
from webapp.accounts.user import User
from webapp.cli import context, deskjob
from webapp.jobs.model.job import Job, Status
from webapp.services import Services

QUICK = "job_history_export"


def test_reads_print_the_same(
    run: Callable[..., Result],
    far: Callable[..., Result],
    put: Callable[..., Job],
    attach: Callable[..., object],
    write_log: Callable[..., None],
    tmp_path: Path,
) -> None:
    failed = put(Status.FAILED, errors=({"text": "It broke.", "at": "2026-01-01T00:00:00+00:00"},), attempt=1)
    root = put(Status.WAITING, parts=1)
    put(Status.COMPLETED, root_id=root.id)
    attach(failed, "report.csv", b"1,2\n")
    write_log(failed, "one", "two")
    commands: list[tuple[str, ...]] = [
        ("list",),
        ("list", "--json"),
        ("list", "--status", "failed", "--limit", "1"),
        ("list", "--owner", "ana"),
        ("show", str(failed.id)),
        ("show", failed.short_id, "--json"),
        ("children", str(root.id)),
        ("log", str(failed.id)),
        ("log", str(failed.id), "--json"),
        ("files", str(failed.id)),
        ("files", str(failed.id), "--json"),
        ("types", "--json"),
    ]
    for words in commands:
        near, away = run("job", *words), far("job", *words)
        assert (near.output, near.exit_code) == (away.output, away.exit_code), (words, away.exc_info)
        assert near.exit_code == 0
    far("job", "files", failed.id, "--download", tmp_path / "far")
    assert (tmp_path / "far" / "report.csv").read_bytes() == b"1,2\n"


def test_mistakes_are_the_same_sentences(
    run: Callable[..., Result],
    far: Callable[..., Result],
    put: Callable[..., Job],
) -> None:
    done = put(Status.COMPLETED, type=QUICK)
    for words in (
        ("show", "00000000-0000-0000-0000-000000000000"),
        ("show", "ffffffff"),
        ("start", "nothing"),
        ("start", QUICK, "--payload", '{"format": "stone", "x": 1}'),
        ("start", "dataset_report"),
        ("cancel", str(done.id)),
        ("retry", str(done.id)),
        ("delete", "00000000-0000-0000-0000-000000000000"),
    ):
        near, away = run("job", *words), far("job", *words)
        assert (near.stderr, near.exit_code) == (away.stderr, away.exit_code), words
        assert near.exit_code > 0


def test_jobs_are_started_and_changed(
    far: Callable[..., Result], services: Services, run_jobs: Callable[..., int], tmp_path: Path, admin: User
) -> None:
    (tmp_path / "may.csv").write_text("a,b\n1,2\n")
    started = far("job", "start", "dataset_report", "--file", f"file={tmp_path / 'may.csv'}")
    assert started.exit_code == 0, (started.output, started.exc_info)
    job = services.queries.all_jobs.newest(1)[0]
    assert (started.stdout.strip(), job.owner.user_id) == (str(job.id), admin.id)
    assert far("job", "cancel", job.id).exit_code == 0
    assert far("job", "retry", "--all-failed").stdout == "Retried: 0.\n"
    assert far("job", "retry", job.id).exit_code == 0
    run_jobs()
    again = far("job", "run-again", job.id, "--json")
    assert json.loads(again.stdout)["again_of"] == str(job.id)
    assert far("job", "delete", job.id).stdout == f"{job.id}  deleted\n"
    assert services.audit_trail.page(AuditCriteria())[0].token == "laptop"


def test_a_token_acts_as_its_own_account(far: Callable[..., Result], user: User) -> None:
    done = far("job", "start", QUICK, "--as", user.name)
    assert (done.exit_code, "the token acts as root" in done.output) == (2, True)


@pytest.mark.parametrize(
    ("server", "token", "sentence", "status"),
    [
        ("http://127.0.0.1:9", "dj_x", "cannot be reached", 1),
        ("ftp://x", "dj_x", "write an address such as", 2),
        ("http://127.0.0.1:9", "", "needs a token", 2),
    ],
)
def test_a_bad_address_is_one_sentence(server: str, token: str, sentence: str, status: int) -> None:
    variables = {"DESKJOB_SERVER": server, "DESKJOB_TOKEN": token}
    done = CliRunner(env=variables).invoke(deskjob, ["job", "list"], prog_name="deskjob")
    context.use_own_installation()
    assert (done.exit_code, sentence in done.output) == (status, True), done.output


def test_a_refused_token_is_one_sentence(address: str) -> None:
    variables = {"DESKJOB_SERVER": address, "DESKJOB_TOKEN": "dj_" + "x" * 40}
    done = CliRunner(env=variables).invoke(deskjob, ["job", "list"], prog_name="deskjob")
    context.use_own_installation()
    assert (done.exit_code, "unknown, expired or revoked" in done.output) == (1, True)


def test_a_process_that_asks_another_installation_loads_no_engine(address: str, token: str) -> None:
    lines = [
        *("job list", "job types", "job list --owner ana", "job show ffffffff", "job start job_history_export --json"),
        *("job start nothing", "job retry --all-failed", "queue list --json", "queue pause nothing", "queue add a,b"),
        *("worker list --json", "worker stop nothing", "type list --json", "type enable maintenance"),
        *("schedule list", "schedule show nothing", "schedule add x maintenance --rule bad"),
        *("user list --json", "user disable nobody", "user role root user", "token list", "token revoke nothing"),
        *("verify", "job show x"),
    ]
    found = run_each(lines, DESKJOB_SERVER=address, DESKJOB_TOKEN=token, DESKJOB_WORKERS="x")
    assert {status for status, _ in found.values()} == {0, 1, 2}
    assert {line: packages & ENGINE for line, (_, packages) in found.items() if packages & ENGINE} == {}
