from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.jobs.statements import recorded
from tests.views.forms.every_kind import clean_up, every_kind, hire, nothing
from webapp.accounts.user import User
from webapp.jobs.model.job import Job
from webapp.services import Services

Noted = Callable[[], list[dict[str, Any]]]


def test_every_type_is_listed_and_described(auditor: FlaskClient, services: Services) -> None:
    text = auditor.get("/admin/types").text
    for kind in services.registry:
        assert f'href="/admin/types/{kind.name}"' in text
        assert auditor.get(f"/admin/types/{kind.name}").status_code == 200
    shown = auditor.get("/admin/types/maintenance").text
    for words in ("dry_run", "yes or no", "Operator, Admin", "up to 2 attempts", "2\N{NO-BREAK SPACE}h"):
        assert words in shown
    assert "Only admins may do this." in shown


def test_the_list_says_of_each_type_under_which_rules_it_runs(auditor: FlaskClient) -> None:
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


def test_a_number_that_is_only_the_least_says_so(
    auditor: FlaskClient, put: Callable[..., Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.jobs.queries.pagination.SCAN_LIMIT", 2)
    put(type="maintenance")
    put(type="maintenance")
    assert 'data-number="waiting">2+<' in auditor.get("/admin/types/maintenance").text


def test_all_types_are_counted_with_the_same_few_questions(auditor: FlaskClient, services: Services) -> None:
    with recorded(services.engine) as sent:
        auditor.get("/admin/types")
    few = len(sent)
    for kind in (every_kind, nothing, clean_up, hire):
        services.registry.add(kind)
    with recorded(services.engine) as sent:
        assert "Ask everything" in auditor.get("/admin/types").text
    assert len(sent) == few


def test_a_disabled_type_is_marked_on_the_list_with_reason_name_and_time(
    auditor: FlaskClient, services: Services, user: User
) -> None:
    services.disabled_types.disable("maintenance", reason="The disk is being copied", by=user.id)
    services.disabled_types.disable("user_import")
    text = " ".join(auditor.get("/admin/types").text.split())
    assert "</svg>Disabled</span> By Ana Ruiz, <time" in text
    assert "</time>: <em>The disk is being copied</em></p>" in text
    assert "By the command line, <time" in text


def test_a_type_is_disabled_with_a_reason_by_admins_only(
    boss: FlaskClient, operator: FlaskClient, services: Services, noted: Noted
) -> None:
    address, reason = "/admin/types/maintenance/disable", {"reason": "The disk is being copied"}
    assert operator.post(address, data=reason).status_code == 403
    assert boss.post(address).status_code == 422
    assert services.disabled_types.all() == {}
    assert boss.post(address, data=reason).status_code == 303
    assert "The disk is being copied" in boss.get("/admin/types/maintenance").text
    assert "Disabled" in boss.get("/admin/types").text
    assert (noted()[-1]["action"], noted()[-1]["after"]) == ("type_disable", reason)


def test_a_disabled_type_is_not_started_from_its_page(boss: FlaskClient, services: Services) -> None:
    services.disabled_types.disable("maintenance", reason="moving")
    page = boss.get("/jobs/new/maintenance").text
    assert "It cannot be started for now" in page
    assert "moving" in page
    refused = boss.post("/jobs/new/maintenance")
    assert refused.status_code in {409, 422}
    assert "is disabled: moving" in refused.text
    boss.post("/admin/types/maintenance/enable")
    assert "Start the job" in boss.get("/jobs/new/maintenance").text
    assert boss.post("/jobs/new/maintenance").status_code == 303


def test_a_disabled_type_that_one_may_not_start_is_still_not_there(
    services: Services, user: User, client_of: Callable[[User], FlaskClient]
) -> None:
    services.disabled_types.disable("maintenance", reason="moving")
    assert client_of(user).get("/jobs/new/maintenance").status_code == 404


def test_what_waits_of_a_disabled_type_is_counted(boss: FlaskClient, services: Services) -> None:
    services.jobs.create_system_job("maintenance")
    services.disabled_types.disable("maintenance")
    assert "1 job waits until it is enabled." in boss.get("/admin/types/maintenance").text


def test_a_type_that_is_not_there_is_not_found(boss: FlaskClient) -> None:
    assert boss.get("/admin/types/nothing").status_code == 404
    assert boss.post("/admin/types/nothing/enable").status_code == 404
