import json
from collections.abc import Callable

import pytest
from click.testing import Result

from webapp.accounts.user import Role
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")
Run = Callable[..., Result]
ADD = ("webhook", "add", "orders", "--type", "job_history_export", "--as", "robot")


@pytest.fixture(autouse=True)
def _robot(services: Services) -> None:
    services.accounts.add_service("robot", role=Role.USER)


def test_a_webhook_is_created_and_its_secret_printed_once(run: Run, services: Services) -> None:
    created = run(*ADD, "--mapping", '{"format": {"value": "csv"}}')
    assert created.exit_code == 0, created.stderr
    (webhook,) = services.webhooks.all()
    assert created.stdout.strip() == services.webhooks.secrets(webhook.id)[0]
    assert f"/api/v1/hooks/{webhook.id}" in created.stderr
    listed = run("webhook", "list", "--json")
    assert [each["name"] for each in json.loads(listed.stdout)] == ["orders"]
    assert "whsec_" not in listed.stdout


def test_a_webhook_is_managed_by_its_name(run: Run, services: Services) -> None:
    run(*ADD)
    (webhook,) = services.webhooks.all()
    assert "now refuses messages" in run("webhook", "disable", "orders").stdout
    assert "disabled" in run("webhook", "list").stdout
    assert "accepts messages again" in run("webhook", "enable", "orders").stdout
    rotated = json.loads(run("webhook", "rotate", "orders", "--overlap", "0", "--json").stdout)
    assert services.webhooks.secrets(webhook.id) == (rotated["secret"],)
    assert run("webhook", "delete", "orders").stdout == "orders is deleted.\n"
    assert services.webhooks.all() == ()


def test_messages_are_listed_and_retried(run: Run, services: Services) -> None:
    run(*ADD)
    (webhook,) = services.webhooks.all()
    bad = services.webhook_messages.add(webhook.id, b'{"format": "pdf"}', {}, size=17, status=422, detail="format: no.")
    good = services.webhook_messages.add(webhook.id, b'{"format": "csv"}', {}, size=17, status=403)
    assert "format: no." in run("webhook", "log", "orders").stdout
    assert [each["id"] for each in json.loads(run("webhook", "log", "orders", "--json").stdout)] == [good, bad]
    assert run("webhook", "retry", "orders", bad).exit_code == 1
    started = run("webhook", "retry", "orders", good)
    assert started.exit_code == 0
    assert str(services.webhook_messages.get(webhook.id, good).job_id) == started.stdout.strip()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((*ADD, "--mapping", "{"), "--mapping: The body is not JSON"),
        ((*ADD, "--mapping", '{"colour": "/x"}'), "no such field"),
        (("webhook", "add", "x", "--type", "maintenance", "--as", "robot"), "allows webhooks"),
        (("webhook", "rotate", "typo"), "There is no webhook typo. See `deskjob webhook list`"),
    ],
)
def test_bad_usage_is_one_sentence(run: Run, words: tuple[str, ...], sentence: str) -> None:
    refused = run(*words)
    assert refused.exit_code == 2
    assert refused.stderr.count("\n") == 1
    assert sentence in refused.stderr
