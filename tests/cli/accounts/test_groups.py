from collections.abc import Callable

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from sqlalchemy import select

from webapp.accounts.user import User
from webapp.cli import context
from webapp.cli import group as commands
from webapp.db.engine import reading
from webapp.schema import audit
from webapp.services import Services


@pytest.fixture
def run(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run `deskjob group …` in this process."""
    monkeypatch.setattr(context, "app", lambda: app)
    monkeypatch.setattr(context, "opened", lambda: app.extensions["deskjob"])
    return lambda *words: CliRunner().invoke(commands, list(words))


def test_a_group_is_made_used_and_removed(run: Callable[..., Result], services: Services, user: User) -> None:
    for words, said in (
        (("add", "Finance"), "Added the group Finance."),
        (("add-member", "Finance", "ana"), "ana belongs to Finance now."),
        (("types", "Finance", "dataset_report"), "Only for Finance: dataset_report."),
        (("list",), "1 members  only they start: dataset_report"),
        (("show", "Finance"), "by hand"),
        (("types", "Finance"), "Only for Finance: no job type."),
        (("remove-member", "Finance", "ana"), "ana does not belong to Finance any more."),
        (("remove", "Finance"), "Removed the group Finance."),
    ):
        done = run(*words)
        assert (done.exit_code, said in done.output) == (0, True), (words, done.output)
    with reading(services.engine) as connection:
        recorded = connection.execute(select(audit.c.action).order_by(audit.c.id)).scalars().all()
    changes = ["group_add", "member_add", "group_types", "group_types", "member_remove", "group_remove"]
    assert recorded == changes


def test_mistakes_are_named(run: Callable[..., Result], services: Services, user: User) -> None:
    finance = services.user_groups.add("Finance")
    services.user_groups.set_types(finance, ["dataset_report"])
    for words, said in (
        (("add", "Finance"), "A group named Finance already exists."),
        (("remove", "Finance"), "Job types are only for Finance."),
        (("types", "Finance", "nothing"), "There is no job type nothing"),
        (("add-member", "Finance", "nobody"), "There is no account named nobody."),
        (("remove-member", "Finance", "ana"), "ana does not belong to Finance."),
        (("show", "Sales"), "There is no group Sales. See `deskjob group list`."),
    ):
        done = run(*words)
        assert (done.exit_code, said in done.output) == (1, True), (words, done.output)
