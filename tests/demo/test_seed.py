"""The demo data are consistent: they keep all invariants, and every number on a page matches its list."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from tests.application import IsolatedClient
from tests.databases import Databases
from tests.exhaustive import exhaustive
from tests.jobs.row_invariants import broken, snapshot
from tests.views.admin.links import numbers, total
from tests.views.admin.links import shown as listed
from webapp.accounts.user import Role, User
from webapp.app import create_app
from webapp.config import load
from webapp.db.engine import reading
from webapp.db.revision import upgrade
from webapp.demo.history import draw_month
from webapp.demo.integrations import create_integrations
from webapp.demo.job_rows import PastJob
from webapp.demo.people import DEMO_USERS
from webapp.demo.seed import NotEmpty, seed
from webapp.jobs.metrics.error_groups import ErrorState
from webapp.jobs.model.job import Job, Owner, Status
from webapp.schema import (
    attachments,
    audit,
    error_groups,
    job_questions,
    jobs,
    log_lines,
    notices,
    notification_deliveries,
    notification_rules,
    schedule_runs,
)
from webapp.services import Services
from webapp.user_policy import user_policy

PASSWORD = "seven plain copper kettles"
TempPaths = pytest.TempPathFactory


@pytest.fixture(scope="module", params=["sqlite", exhaustive("postgresql")])
def shown(
    request: pytest.FixtureRequest, postgresql_databases: Databases, valkey_url: str, tmp_path_factory: TempPaths
) -> Iterator[Flask]:
    """One seeded installation that the tests of this module share and do not change."""
    folder = tmp_path_factory.mktemp("demo")
    with postgresql_databases.lend() as url:
        place = {"database_url": url} if request.param == "postgresql" else {}
        settings = load(data_dir=folder, redis_url=valkey_url, secret_key="k" * 32, **place)
        settings.demo_mark.touch()
        app = create_app(settings)
        app.test_client_class = IsolatedClient
        with app.app_context():
            upgrade(app.extensions["deskjob"].engine)
            seed(app.extensions["deskjob"], password=PASSWORD, count=60)
            yield app
            app.extensions["deskjob"].engine.dispose()


@pytest.fixture
def seeded(shown: Flask) -> Services:
    return shown.extensions["deskjob"]


def rows(services: Services, table: Any) -> list[Any]:
    with reading(services.engine) as connection:
        return list(connection.execute(select(table)).all())


@pytest.mark.exhaustive
def test_the_demo_has_jobs_in_every_status(seeded: Services) -> None:
    found = rows(seeded, jobs)
    assert {row.status for row in found} == set(Status)
    assert any(row.status == "scheduled" and row.attempt for row in found)
    assert any(row.root_id for row in found)
    assert any(row.warnings for row in found)
    assert any(row.public for row in found)
    assert any(row.cancel_requested_at and row.status == "running" for row in found)
    assert {person.role for person in seeded.accounts.all()} == set(Role)
    assert {file.role for file in rows(seeded, attachments)} == {"input", "output"}
    assert rows(seeded, log_lines)


def test_the_demo_has_jobs_that_wait_for_the_approval_of_its_operator(seeded: Services) -> None:
    dai = seeded.accounts.by_name("dai")
    assert dai
    waiting = seeded.approvals.of(user_policy(dai, seeded.registry))
    assert {(job.title, job.status) for job in waiting} == {("Payout", Status.HELD)}
    assert {row.approval for row in rows(seeded, jobs)} == {None, "pending", "approved", "rejected"}


def test_the_demo_has_jobs_that_ask_their_owner_and_operators_and_one_that_was_answered(seeded: Services) -> None:
    ana, dai = seeded.accounts.by_name("ana"), seeded.accounts.by_name("dai")
    assert ana
    assert dai
    asked = [seeded.open_questions.of(user_policy(person, seeded.registry)) for person in (ana, dai)]
    assert [[found.job.title for found in each] for each in asked] == [["Orders of 2026-11"], ["Orders of 2026-10"]]
    answered = [question.answer for question in rows(seeded, job_questions) if question.state == "answered"]
    assert answered == [{"action": "assign", "customer": "Northwind Traders"}]


def test_the_demo_has_data_for_operators(seeded: Services) -> None:
    assert {run.outcome for run in rows(seeded, schedule_runs)} == {"started", "busy"}
    assert {schedule.paused_at is None for schedule in seeded.schedules.all()} == {True, False}
    assert {notice.read_at is None for notice in rows(seeded, notices)} == {True, False}
    assert {group.state for group in rows(seeded, error_groups)} == set(ErrorState)
    assert seeded.metrics.attempt_stats(seeded.queries.jobs.now() - timedelta(days=30))
    assert seeded.disabled_types.all()
    assert any(queue.reason for queue in seeded.queues.paused())
    assert "queue_pause" in {line.action for line in rows(seeded, audit)}


def test_the_demo_has_rules_with_deliveries_a_webhook_with_messages_and_tokens(seeded: Services) -> None:
    rules = rows(seeded, notification_rules)
    assert {rule.enabled for rule in rules} == {True, False}
    assert {None} < {rule.user_id for rule in rules}
    found = rows(seeded, notification_deliveries)
    assert {delivery.status for delivery in found} == {"delivered", "failed"}
    assert [delivery.id for delivery in seeded.delivery_log.all()] == [
        delivery.id for delivery in sorted(found, key=lambda each: each.created_at, reverse=True)
    ]
    (webhook,) = seeded.webhooks.all()
    messages = seeded.webhook_messages.of(webhook.id)
    assert {message.status for message in messages} == {202, 401, 422}
    owners = {seeded.jobs.get(message.job_id).owner.user_id for message in messages if message.job_id}
    assert owners == {webhook.account_id}
    assert [message.at for message in messages] == sorted((message.at for message in messages), reverse=True)
    now = seeded.queries.jobs.now()
    assert {token.is_active(now) for token in seeded.tokens.all()} == {True, False}


def test_nothing_of_the_demo_leaves_the_installation(seeded: Services) -> None:
    for rule in rows(seeded, notification_rules):
        address = urlsplit(seeded.notification_rules.target(rule.id).address).hostname or ""
        assert address.endswith(".example") or not rule.enabled
    before = len(rows(seeded, notification_deliveries))
    seeded.notification_watch.run()
    assert len(rows(seeded, notification_deliveries)) == before


def test_integrations_are_created_once(seeded: Services) -> None:
    before = len(rows(seeded, notification_rules)), len(seeded.webhooks.all()), len(seeded.tokens.all())
    create_integrations(seeded, {}, Random(1), past=(), orders=())
    assert (len(rows(seeded, notification_rules)), len(seeded.webhooks.all()), len(seeded.tokens.all())) == before


def test_the_demo_keeps_all_invariants(seeded: Services) -> None:
    seen = snapshot(seeded.engine)
    ours = {row.id.hex[-8:] for row in seen.jobs.values() if not row.record_only}
    assert [what for what in broken(seen) if any(short in what for short in ours)] == []


def test_all_demo_users_have_the_given_password(seeded: Services) -> None:
    assert all(seeded.accounts.authenticate(person.name, PASSWORD) for person in DEMO_USERS)


def test_the_same_seed_creates_the_same_month(services: Services, user: User) -> None:
    def past_jobs(number: int) -> tuple[PastJob, ...]:
        staff = {person.name: user for person in DEMO_USERS}
        now = datetime(2026, 11, 26, tzinfo=UTC)
        return draw_month(40, staff=staff, registry=services.registry, rng=Random(number), now=now)

    assert past_jobs(7) == past_jobs(7)
    assert past_jobs(7) != past_jobs(8)


def test_an_installation_in_use_is_not_seeded(services: Services, user: User) -> None:
    services.jobs.create_job("maintenance", owner=Owner(user_id=user.id))
    with pytest.raises(NotEmpty):
        seed(services, password=PASSWORD, count=5)
    assert len(rows(services, jobs)) == 1
    assert services.accounts.all() == (user,)


@pytest.mark.exhaustive
def test_system_jobs_do_not_prevent_seeding(services: Services) -> None:
    services.jobs.create_system_job("maintenance")
    seed(services, password=PASSWORD, count=5)
    assert (count := len(rows(services, jobs))) > 6
    seed(services, password=PASSWORD, number=2, count=5, on_top=True)  # "user_import" is disabled by now
    assert len(rows(services, jobs)) > count + 6


def test_the_paused_queue_has_waiting_jobs_and_a_reason(seeded: Services) -> None:
    assert seeded.queues.get("night").reason
    assert seeded.queues.loads()["night"].waiting == 2


def test_running_demo_jobs_can_be_completed(seeded: Services) -> None:
    running = [row for row in rows(seeded, jobs) if row.status == "running" and not row.cancel_requested_at]
    assert all(row.record_only for row in running)
    assert seeded.jobs.change(running[0].id, Job.mark_completed).status is Status.COMPLETED


def test_demo_files_can_be_downloaded(shown: Flask, seeded: Services) -> None:
    file = next(file for file in rows(seeded, attachments) if file.name.endswith("report.html"))
    answer = _signed_in(shown, seeded, Role.ADMIN).get(f"/jobs/{file.job_id}/files/{file.id}")
    assert answer.status_code == 200
    assert len(answer.data) == file.size


@pytest.mark.exhaustive
def test_every_number_in_the_demo_equals_the_length_of_the_linked_list(shown: Flask, seeded: Services) -> None:
    """Numbers and lists are counted in different ways, so every pair is compared."""
    browser = _signed_in(shown, seeded, Role.ADMIN)
    queues = [f"/admin/queues/{queue.name}" for queue in seeded.queues.all()]
    people = [f"/admin/users/{person.id}" for person in seeded.accounts.all()]
    errors = [f"/admin/errors/{group.fingerprint}" for group in seeded.metrics.errors.page(limit=20)]
    pages = ["/admin", "/admin/queues", "/admin/users", "/admin/types", *queues, *people, *errors]
    found = {(page, link): number for page in pages for link, number in numbers(browser.get(page).text)}
    assert {page for page, _ in found} >= {"/admin", "/admin/queues", "/admin/users"}
    assert any(page.startswith("/admin/errors/") for page, _ in found)
    assert len(found) > 25
    wrong = {place: number for place, number in found.items() if _listed(browser, place[1]) != number}
    assert wrong == {}


def _listed(browser: FlaskClient, link: str) -> int:
    page = browser.get(link).text
    if (count := total(page)) is not None:
        return count
    return listed(page)


def _signed_in(app: Flask, services: Services, role: Role) -> FlaskClient:
    person = next(user for user in services.accounts.all() if user.role is role)
    client = app.test_client()
    with client.session_transaction() as session:
        session["_user_id"] = services.sessions.begin(person.id)
    return client
