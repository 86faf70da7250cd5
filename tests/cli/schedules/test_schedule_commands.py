import json
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import Result
from sqlalchemy import select

from webapp.accounts.user import User
from webapp.schema import audit
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")
Run = Callable[..., Result]
NIGHTLY = ("add", "Nightly", "maintenance", "--rule", "0 2 * * 1-5", "--zone", "Europe/Madrid")


def schedule(run: Run, *words: object) -> Any:
    done = run("schedule", *words, "--json")
    assert done.exit_code == 0, done.stderr
    return json.loads(done.stdout)


def test_a_schedule_is_added_listed_and_shown(run: Run) -> None:
    created = schedule(run, *NIGHTLY, "--payload", '{"dry_run": true}', "--missed", "skip", "--one-at-a-time")
    assert (created["name"], created["rule"], created["zone"], created["missed"]) == (
        "Nightly",
        "0 2 * * 1-5",
        "Europe/Madrid",
        "skip",
    )
    assert (created["payload"], created["one_at_a_time"], created["public"]) == ({"dry_run": True}, True, True)
    assert schedule(run, "list") == [created]
    shown = schedule(run, "show", created["id"])
    assert (len(shown["next"]), shown["runs"]) == (5, [])
    words = run("schedule", "show", "Nightly").stdout
    assert "Every day from Monday to Friday at 02:00" in words
    assert words.count("  next  ") == 5
    assert "maintenance" in run("schedule", "list").stdout


def test_a_schedule_uses_the_time_zone_of_the_installation_by_default(run: Run, services: Services) -> None:
    created = schedule(run, "add", "Nightly", "maintenance", "--rule", "0 2 * * *", "--private")
    assert (created["zone"], created["public"]) == (services.settings.timezone, False)


def test_a_schedule_is_paused_with_a_reason_and_resumed(run: Run) -> None:
    schedule(run, *NIGHTLY)
    paused = schedule(run, "pause", "Nightly", "--reason", "Moving the database")
    assert (paused["paused_why"], paused["next_fire_at"]) == ("Moving the database", None)
    assert "paused: Moving the database" in run("schedule", "list").stdout
    assert schedule(run, "show", "Nightly")["next"] == []
    assert schedule(run, "resume", "Nightly")["next_fire_at"]


def test_run_now_prints_the_id_of_the_new_job(run: Run, services: Services) -> None:
    schedule(run, *NIGHTLY, "--one-at-a-time")
    job = schedule(run, "run-now", "Nightly")
    assert job["priority"] == 200
    assert schedule(run, "show", "Nightly")["runs"][0]["job_id"] == job["id"]
    assert job["id"] in run("schedule", "show", "Nightly").stdout
    refused = run("schedule", "run-now", "Nightly")
    assert refused.exit_code == 1
    assert "runs one job at a time, and its previous job has not finished. Wait for its end" in refused.stderr
    services.jobs.cancel(services.queries.all_jobs.newest(1)[0].id)
    assert run("schedule", "run-now", "Nightly").stdout.strip() == str(services.queries.all_jobs.newest(1)[0].id)


def test_an_edit_changes_only_the_given_options(run: Run) -> None:
    created = schedule(run, *NIGHTLY, "--queue", "default", "--priority", "7")
    changed = schedule(run, "edit", "Nightly", "--name", "Daily", "--rule", "0 3 * * *")
    same = {"id", "zone", "queue", "priority", "missed", "payload", "created_at", "public"}
    assert {key: changed[key] for key in same} == {key: created[key] for key in same}
    assert (changed["name"], changed["rule"]) == ("Daily", "0 3 * * *")
    assert schedule(run, "edit", "Daily", "--queue", "none")["queue"] is None


def test_a_schedule_is_deleted(run: Run) -> None:
    schedule(run, *NIGHTLY)
    assert run("schedule", "remove", "Nightly").stdout == "Deleted the schedule Nightly.\n"
    assert schedule(run, "list") == []


def test_every_change_of_a_schedule_is_audited(run: Run, services: Services) -> None:
    schedule(run, *NIGHTLY)
    for words in (("edit", "Nightly", "--rule", "0 3 * * *"), ("pause", "Nightly"), ("resume", "Nightly")):
        schedule(run, *words)
    schedule(run, "run-now", "Nightly")
    schedule(run, "remove", "Nightly")
    with services.engine.connect() as connection:
        lines = connection.execute(
            select(audit.c.action, audit.c.object_name, audit.c.actor).order_by(audit.c.id)
        ).all()
    verbs = ("add", "change", "pause", "resume", "run", "remove")
    assert [line.action for line in lines] == [f"schedule_{verb}" for verb in verbs]
    assert {line.object_name for line in lines} == {"Nightly"}
    assert all(line.actor.startswith("command line") for line in lines)


def test_a_schedule_can_create_jobs_for_a_user(run: Run, user: User) -> None:
    created = schedule(run, "add", "Mine", "job_history_export", "--rule", "0 2 * * *", "--as", user.name)
    assert (created["owner"], created["public"]) == (str(user.id), False)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("add", "N", "maintenance", "--rule", "60 * * * *"), "'60' is not a valid minute"),
        (("add", "N", "maintenance", "--rule", "0 0 31 2 *"), "never runs"),
        (("add", "N", "maintenance", "--rule", "@reboot"), "needs five fields"),
        (("add", "N", "maintenance", "--rule", "0 2 * * *", "--zone", "../../etc/passwd"), "Unknown time zone"),
        (("add", "N", "maintenance", "--rule", "0 2 * * *", "--payload", '{"x": 1}'), "Unknown field"),
        (("add", "N", "gone", "--rule", "0 2 * * *"), "There is no job type 'gone'"),
        (("add", "N", "maintenance", "--rule", "0 2 * * *", "--as", "nobody"), "There is no active account"),
        (("add", "N", "maintenance", "--rule", "0 2 * * *", "--queue", "typo"), "There is no queue 'typo'."),
        (("add", "N", "maintenance"), "Missing option '--rule'"),
        (("show", "typo"), "There is no schedule typo. See `deskjob schedule list`."),
        (("pause", "5a6f0b64-0000-7000-8000-000000000000"), "There is no schedule 5a6f0b64"),
    ],
)
def test_bad_usage_is_one_sentence(run: Run, services: Services, words: tuple[str, ...], sentence: str) -> None:
    refused = run("schedule", *words)
    assert refused.exit_code == 2
    assert refused.stderr.count("\n") == 1
    assert sentence in refused.stderr
    assert services.schedules.all() == ()
