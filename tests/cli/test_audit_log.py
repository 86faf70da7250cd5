from collections.abc import Callable

from click.testing import Result
from sqlalchemy import select

from webapp.db.engine import reading
from webapp.schema import audit
from webapp.services import Services

Run = Callable[..., Result]


def noted(services: Services) -> list[tuple[str, str]]:
    with reading(services.engine) as connection:
        found = connection.execute(select(audit.c.action, audit.c.object_id, audit.c.actor).order_by(audit.c.id)).all()
    assert all(row.actor.startswith("command line") for row in found)
    return [(row.action, row.object_id) for row in found]


def test_changes_of_users_are_audited(run: Run, services: Services) -> None:
    run("user", "add", "ben", "--role", "auditor")
    run("user", "disable", "ben")
    run("user", "enable", "ben")
    run("user", "password", "ben")
    run("user", "disable", "nobody")
    actions = ["user_add", "user_disable", "user_enable", "user_password"]
    assert noted(services) == [(action, "ben") for action in actions]


def test_changes_of_queues_are_audited(run: Run, services: Services) -> None:
    run("queue", "pause", "default", "--reason", "Moving the database")
    run("queue", "resume", "default")
    run("queue", "limit", "default", "3")
    run("queue", "pause", "no-such-queue")
    actions = ["queue_pause", "queue_resume", "queue_limit"]
    assert noted(services) == [(action, "default") for action in actions]


def test_changes_of_jobs_are_audited(run: Run, services: Services) -> None:
    one = run("job", "start", "job_history_export").stdout.strip()
    run("job", "priority", one, "7")
    run("job", "cancel", one)
    run("job", "cancel", one)
    run("job", "retry", one)
    again = run("job", "run-again", one).stdout.strip()
    run("job", "cancel", one)
    run("job", "delete", one)
    actions = ["job_create", "job_priority", "job_stop", "job_retry", "job_run_again", "job_stop", "job_delete"]
    assert noted(services) == [(action, again if action == "job_run_again" else one) for action in actions]
