import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
from click.testing import Result
from sqlalchemy import update

from webapp.accounts.user import User
from webapp.db.engine import writing
from webapp.jobs.model.job import Owner
from webapp.jobs.model.policies import Limits
from webapp.jobs.model.rate import Rate
from webapp.schema import jobs
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")
Run = Callable[..., Result]
Start = Callable[..., str]


def listed(run: Run, *words: str) -> list[str]:
    done = run("job", "list", "--json", *words)
    assert done.exit_code == 0, done.stderr
    return [job["id"] for job in json.loads(done.stdout)]


def test_every_shipped_job_type_is_listed(run: Run) -> None:
    names = [kind["name"] for kind in json.loads(run("job", "types", "--json").stdout)]
    assert set(names) >= {"dataset_report", "user_import", "job_history_export", "maintenance"}
    assert "Dataset report" in run("job", "types").stdout


def test_a_job_is_shown_as_text_and_as_json(run: Run, start: Start) -> None:
    job_id = start(title="Sales")
    shown = run("job", "show", job_id).stdout
    assert "name      Sales\n" in shown
    assert "owner     the system\n" in shown
    assert "queue     default, priority 100\n" in shown
    assert json.loads(run("job", "show", job_id, "--json").stdout)["status"] == "queued"


def test_a_job_is_found_by_its_short_id_in_either_case(run: Run, start: Start) -> None:
    job_id = start()
    assert job_id in run("job", "show", job_id[-8:]).stdout
    assert job_id in run("job", "show", job_id[-8:].upper()).stdout
    assert job_id in run("job", "show", job_id.upper()).stdout


def test_the_newest_jobs_are_listed_first_up_to_the_limit(run: Run, start: Start) -> None:
    ids = [start() for _ in range(3)]
    assert listed(run, "--limit", "2") == [ids[2], ids[1]]
    lines = run("job", "list").stdout.splitlines()
    assert [line[:36] for line in lines] == ids[::-1]


def test_a_list_is_filtered_by_status_type_and_owner(run: Run, start: Start, services: Services, user: User) -> None:
    waiting, stopped = start(), start()
    other = str(services.jobs.create_system_job("maintenance").id)
    mine = str(services.jobs.create_user_job("job_history_export", None, user.id).id)
    services.jobs.cancel(UUID(stopped))
    assert listed(run, "--status", "cancelled") == [stopped]
    assert listed(run, "--status", "cancelled", "--status", "queued", "--type", "job_history_export") == [
        mine,
        stopped,
        waiting,
    ]
    assert listed(run, "--type", "maintenance") == [other]
    assert listed(run, "--owner", user.name) == [mine]
    with writing(services.engine) as connection:
        warning = [{"text": "Two rows were left out."}]
        connection.execute(update(jobs).where(jobs.c.id == UUID(other)).values(warnings=warning))
    assert listed(run, "--warned") == [other]
    assert f"owner     {user.name}\n" in run("job", "show", mine).stdout


def test_child_jobs_are_listed_oldest_first(run: Run, start: Start, services: Services) -> None:
    root = UUID(start())
    parts = [str(services.jobs.create_child_job(root, "maintenance", name=f"part {n}").id) for n in range(3)]
    assert [job["id"] for job in json.loads(run("job", "children", root, "--json").stdout)] == parts
    some = run("job", "children", root, "--limit", "2")
    assert [line[:36] for line in some.stdout.splitlines()] == parts[:2]
    assert some.stderr == "2 of 3 child jobs are listed. Use --limit to list more.\n"
    assert "children  3: 0 completed, 0 failed, 0 cancelled\n" in run("job", "show", root).stdout


def test_control_characters_are_not_printed(run: Run, start: Start) -> None:
    start(title="nice\x1b[2J title")
    assert "\x1b" not in run("job", "list").stdout
    assert "nice title" in run("job", "list").stdout


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("show", "17"), "There is no job 17. See `deskjob job list`."),
        (("show", "0badcafe"), "There is no job 0badcafe among the newest 100,000"),
        (("show", str(uuid4())), "There is no job"),
        (("show",), "Missing argument 'ID'. See `deskjob job show --help`."),
        (("list", "--status", "lost"), "'lost' is not one of"),
        (("list", "--owner", "nobody"), "There is no account named nobody"),
        (("lsit",), "No such command 'lsit'"),
    ],
)
def test_bad_usage_is_one_sentence(run: Run, words: tuple[str, ...], sentence: str) -> None:
    refused = run("job", *words)
    assert refused.exit_code == 2
    assert refused.stderr.startswith("deskjob: ")
    assert refused.stderr.count("\n") == 1
    assert sentence in refused.stderr


def test_a_job_that_is_done_with_warnings_is_marked(run: Run, start: Start, services: Services) -> None:
    job_id = start()
    values = {"status": "completed", "warnings": [{"text": "Two rows were left out."}]}
    with writing(services.engine) as connection:
        connection.execute(update(jobs).where(jobs.c.id == UUID(job_id)).values(**values))
    assert json.loads(run("job", "show", job_id, "--json").stdout)["done_with_warnings"] is True
    assert [each["done_with_warnings"] for each in json.loads(run("job", "list", "--json").stdout)] == [True]
    assert run("job", "list").stdout.endswith(", with warnings\n")
    assert "status    completed, with warnings\n" in run("job", "show", job_id).stdout


def test_a_job_over_its_rate_says_when_it_may_start(
    run: Run, services: Services, user: User, run_jobs: Callable[..., int]
) -> None:
    rate = Rate(1, timedelta(hours=1))
    limits = Limits(rate=rate)
    services.registry.add(replace(services.registry.get("job_history_export"), name="rated", limits=limits))
    ids = services.jobs.create_many("rated", [{}] * 2, owner=Owner(user_id=user.id))
    vars(services).pop("claims", None)  # made before there was a rate
    assert run_jobs() == 1
    may_start = json.loads(run("job", "show", str(ids[1]), "--json").stdout)["may_start_at"]
    shown = run("job", "show", str(ids[1])).stdout
    assert f"starts    {datetime.fromisoformat(may_start)}, if the rate of its type permits it then" in shown
