from collections.abc import Callable
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner, Result
from flask import Flask

from webapp.accounts.user import User
from webapp.cli import budget as commands
from webapp.cli import context
from webapp.jobs.budgets.budget import MonthlyBudget
from webapp.jobs.budgets.service import Budgets
from webapp.jobs.model.job import Owner
from webapp.services import Services


@pytest.fixture
def run(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run `deskjob budget …` in this process."""
    monkeypatch.setattr(context, "app", lambda: app)
    monkeypatch.setattr(context, "opened", lambda: app.extensions["deskjob"])
    return lambda *words: CliRunner().invoke(commands, list(words))


def test_limits_are_set_shown_and_removed(run: Callable[..., Result], services: Services, user: User) -> None:
    services.budgets = Budgets(services.engine, MonthlyBudget(), ZoneInfo("UTC"))
    services.budgets.count_new_jobs()
    for words, status, said in (
        (("set", "ana", "--jobs", "1", "--memory-gb-hours", "2.5"), 0, "ana: jobs 1, memory_gb_hours 2.5 a month."),
        (("set", "--role", "operator", "--cpu-seconds", "60"), 0, "operator: cpu_seconds 60 a month."),
        (("list",), 0, "jobs 0 of 1"),
        (("show", "ana"), 0, "0 of 2.5"),
        (("set", "ana", "--jobs", "0"), 2, "A limit must be a whole number above 0"),
        (("set", "ana"), 2, "Give at least one limit"),
        (("set", "--jobs", "3"), 2, "Give the name of a user, or --role."),
        (("set", "nobody", "--jobs", "3"), 1, "There is no account named nobody."),
    ):
        done = run(*words)
        assert (done.exit_code != 0, said in done.output + str(done.exception)) == (status != 0, True), done.output
    services.jobs.create_job("job_history_export", {"format": "csv"}, owner=Owner(user_id=user.id))
    assert "used up" in run("list").output
    assert "ana has no limits of its own." in run("clear", "ana").output
    assert services.budgets.of_user(user.id)[0] == MonthlyBudget()
