from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.jobs.statements import recorded
from tests.views.forms.every_kind import clean_up, every_kind, hire, nothing
from webapp.accounts.user import User
from webapp.jobs.model.job import Job, Owner
from webapp.jobs.model.policies import Limits
from webapp.jobs.model.rate import Rate
from webapp.services import Services

AuditEntries = Callable[[], list[dict[str, Any]]]


def test_every_type_is_listed_and_has_a_page(auditor: FlaskClient, services: Services) -> None:
    text = auditor.get("/admin/types").text
    for kind in services.registry:
        assert f'href="/admin/types/{kind.name}"' in text
        assert auditor.get(f"/admin/types/{kind.name}").status_code == 200
    shown = auditor.get("/admin/types/maintenance").text
    for words in ("dry_run", "yes or no", "Operator, Admin", "up to 2 attempts", "2\N{NO-BREAK SPACE}h"):
        assert words in shown
    assert "Only admins can do this." in shown


def test_the_list_shows_the_rules_of_each_type(auditor: FlaskClient) -> None:
    text = auditor.get("/admin/types").text
    row = text.partition('id="type-maintenance"')[2].partition("</tr>")[0]
    for words in (
        "Deletes expired jobs",
        "default",
        "up to 2 attempts",
        "any number at a time",
        "Operator, Admin",
        "files: 30",
    ):
        assert words in row


def test_a_capped_count_of_a_type_has_a_plus_sign(
    auditor: FlaskClient, put: Callable[..., Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.jobs.queries.pagination.SCAN_LIMIT", 2)
    put(type="maintenance")
    put(type="maintenance")
    assert 'data-number="waiting">2+<' in auditor.get("/admin/types/maintenance").text


def test_the_number_of_queries_does_not_depend_on_the_number_of_types(auditor: FlaskClient, services: Services) -> None:
    with recorded(services.engine) as sent:
        auditor.get("/admin/types")
    few = len(sent)
    for kind in (every_kind, nothing, clean_up, hire):
        services.registry.add(kind)
    with recorded(services.engine) as sent:
        assert "Ask everything" in auditor.get("/admin/types").text
    assert len(sent) == few


def test_a_disabled_type_shows_reason_user_and_time_in_the_list(
    auditor: FlaskClient, services: Services, user: User
) -> None:
    services.disabled_types.disable("maintenance", reason="The disk is being copied", by=user.id)
    services.disabled_types.disable("user_import")
    text = " ".join(auditor.get("/admin/types").text.split())
    assert "</svg>Disabled</span> By Ana Ruiz, <time" in text
    assert "</time>: <em>The disk is being copied</em></p>" in text
    assert "By the command line, <time" in text


def test_only_admins_disable_a_type_and_must_give_a_reason(
    admin_client: FlaskClient, operator: FlaskClient, services: Services, audit_entries: AuditEntries
) -> None:
    address, reason = "/admin/types/maintenance/disable", {"reason": "The disk is being copied"}
    assert operator.post(address, data=reason).status_code == 403
    assert admin_client.post(address).status_code == 422
    assert services.disabled_types.all() == {}
    assert admin_client.post(address, data=reason).status_code == 303
    assert "The disk is being copied" in admin_client.get("/admin/types/maintenance").text
    assert "Disabled" in admin_client.get("/admin/types").text
    assert (audit_entries()[-1]["action"], audit_entries()[-1]["after"]) == ("type_disable", reason)


def test_a_disabled_type_cannot_be_started(admin_client: FlaskClient, services: Services) -> None:
    services.disabled_types.disable("maintenance", reason="moving")
    page = admin_client.get("/jobs/new/maintenance").text
    assert "This job type is disabled" in page
    assert "moving" in page
    refused = admin_client.post("/jobs/new/maintenance")
    assert refused.status_code in {409, 422}
    assert "is disabled: moving" in refused.text
    admin_client.post("/admin/types/maintenance/enable")
    assert "Start the job" in admin_client.get("/jobs/new/maintenance").text
    assert admin_client.post("/jobs/new/maintenance").status_code == 303


def test_a_disabled_type_is_not_found_without_permission_to_start_it(
    services: Services, user: User, client_of: Callable[[User], FlaskClient]
) -> None:
    services.disabled_types.disable("maintenance", reason="moving")
    assert client_of(user).get("/jobs/new/maintenance").status_code == 404


def test_the_waiting_jobs_of_a_disabled_type_are_counted(admin_client: FlaskClient, services: Services) -> None:
    services.jobs.create_system_job("maintenance")
    services.disabled_types.disable("maintenance")
    assert "1 job waits until it is enabled." in admin_client.get("/admin/types/maintenance").text


def test_an_unknown_type_is_not_found(admin_client: FlaskClient) -> None:
    assert admin_client.get("/admin/types/nothing").status_code == 404
    assert admin_client.post("/admin/types/nothing/enable").status_code == 404


def test_the_page_of_a_type_shows_how_much_of_its_rate_is_used(
    auditor: FlaskClient, services: Services, user: User, run_jobs: Callable[..., int]
) -> None:
    for name, by in (("by_type", "type"), ("by_owner", "owner"), ("by_key", lambda _payload: "Madrid")):
        rate = Rate(9, timedelta(hours=1), by)
        services.registry.add(replace(services.registry.get("maintenance"), name=name, limits=Limits(rate=rate)))
    assert "0 of 9 in the last hour" in auditor.get("/admin/types/by_type").text
    assert "No job of this type has started lately." in auditor.get("/admin/types/by_owner").text
    for name in ("by_type", "by_owner", "by_key"):
        services.jobs.create_job(name, {}, owner=Owner(user_id=user.id))
    vars(services).pop("claims", None)  # made before there was a rate
    assert run_jobs() == 3
    for name, who in (("by_type", "Now"), ("by_owner", user.full_name), ("by_key", "Madrid")):
        assert f"<dt>{who}</dt><dd>1 of 9 in the last hour</dd>" in auditor.get(f"/admin/types/{name}").text
