import csv
from io import StringIO

import pytest
from flask.testing import FlaskClient

from webapp.accounts.audit_log import AuditAction, AuditActor, AuditLine, AuditTarget
from webapp.accounts.audit_query import AuditCriteria
from webapp.services import Services

ANA = AuditActor(name="ana", role="operator", address="192.0.2.7")


@pytest.fixture
def recorded_actions(services: Services) -> None:
    for action, kind, object_id, after in (
        (AuditAction.QUEUE_PAUSE, AuditTarget.QUEUE, "default", {"reason": "=move()"}),
        (AuditAction.QUEUE_PAUSE, AuditTarget.QUEUE, "slow", None),
        (AuditAction.USER_DISABLE, AuditTarget.USER, "ben", None),
    ):
        services.audit.record(AuditLine(actor=ANA, action=action, kind=kind, id=object_id, after=after))
    services.audit.record(
        AuditLine(actor=AuditActor(name=""), action=AuditAction.SIGN_IN_REFUSED, kind=AuditTarget.USER, id="ben")
    )


def rows(client: FlaskClient, query: str = "") -> int:
    return client.get(f"/admin/audit?{query}").text.count('id="line-')


@pytest.mark.usefixtures("recorded_actions", "database")
def test_entries_are_filtered_by_user_action_target_and_date(auditor: FlaskClient) -> None:
    expected = {
        "": 4,
        "person=ana": 3,
        "action=queue_pause": 2,
        "kind=user&object=ben": 2,
        "action=queue_pause&kind=queue&object=slow": 1,
        "since=2020-01-01": 4,
        "until=2020-01-01": 0,
        "since=nonsense": 4,
        "person=nobody": 0,
    }
    assert {query: rows(auditor, query) for query in expected} == expected


def test_a_target_without_an_id_is_shown_by_its_name(auditor: FlaskClient, services: Services) -> None:
    services.audit.record(
        AuditLine(actor=ANA, action=AuditAction.ERROR_RESOLVE, kind=AuditTarget.ERROR, id="", name="Out of paper")
    )
    assert '<span class="muted small">Error</span> Out of paper</td>' in auditor.get("/admin/audit").text


def test_a_change_is_named_and_what_was_not_given_is_left_out(auditor: FlaskClient, services: Services) -> None:
    for person in ("ben", None):
        after = {"type": "report", "as": person}
        line = AuditLine(actor=ANA, action=AuditAction.JOB_CREATE, kind=AuditTarget.JOB, id="1", after=after)
        services.audit.record(line)
    page = auditor.get("/admin/audit").text
    assert page.count("<li>Job type: report</li>") == 2
    assert page.count("<li>As the user: ben</li>") == page.count("As the user") == 1
    assert ": None" not in page


@pytest.mark.usefixtures("recorded_actions")
def test_an_entry_shows_action_change_address_and_user(auditor: FlaskClient) -> None:
    page = auditor.get("/admin/audit").text
    for words in ("Paused a queue", "Reason: =move()", "192.0.2.7", "not signed in", "Operator", "Times in UTC"):
        assert words in page


def test_an_empty_log_says_so(auditor: FlaskClient) -> None:
    assert "No entries yet" in auditor.get("/admin/audit").text
    assert "No entries match these filters" in auditor.get("/admin/audit?person=nobody").text


@pytest.mark.usefixtures("recorded_actions")
def test_entries_are_paged(auditor: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webapp.views.admin.audit.PAGE", 3)
    page = auditor.get("/admin/audit?person=").text
    assert page.count('id="line-') == 3
    older = page.split('pager__older" href="')[1].split('"')[0].replace("&amp;", "&")
    assert auditor.get(older).text.count('id="line-') == 1


@pytest.mark.usefixtures("recorded_actions")
def test_the_csv_has_no_formulas_and_its_download_is_recorded(auditor: FlaskClient, services: Services) -> None:
    answer = auditor.get("/admin/audit.csv?person=ana")
    head, *lines = csv.reader(StringIO(answer.text))
    assert [line[head.index("object_id")] for line in lines] == ["ben", "slow", "default"]
    assert lines[-1][head.index("after")].startswith("{")
    newest = services.audit_trail.page(AuditCriteria())[0]
    assert (newest.action, newest.actor) == ("audit_export", "audi")
