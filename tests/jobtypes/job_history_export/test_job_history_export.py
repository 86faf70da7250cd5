import csv
import json
import tracemalloc
from datetime import UTC, date, datetime, timedelta
from io import BytesIO, StringIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook
from pydantic import ValidationError
from sqlalchemy import insert
from uuid_utils.compat import uuid7

from tests.exhaustive import examples, exhaustive
from webapp.accounts.user import Role
from webapp.db.engine import writing
from webapp.formula_escape import PLAIN_NUMBER
from webapp.jobs.model.job import Owner, Status
from webapp.jobtypes.job_history_export import formats
from webapp.jobtypes.job_history_export.formats import csv_table, workbook
from webapp.jobtypes.job_history_export.payload import JobHistoryExport
from webapp.jobtypes.job_history_export.rows import DIAGNOSTICS, SUMMARY
from webapp.schema import jobs

NEW_YEAR = datetime(2025, 1, 1, tzinfo=UTC)
SIGNS = tuple("=+-@\t\r\n\0")


@pytest.fixture
def past_job(services):
    """Add a job that is over: `past_job("Sales", type="report", day=3)`."""

    def add(title, *, owner=None, day=0, **values):
        start = NEW_YEAR + timedelta(days=day)
        row = {
            "id": uuid7(),
            "type": "report",
            "title": title,
            "status": "completed",
            "queue": "default",
            "priority": 100,
            "payload": {},
            "owner_id": owner.id if owner else None,
            "created_at": start,
            "started_at": start + timedelta(seconds=1),
            "finished_at": start + timedelta(seconds=3.5),
            **values,
        }
        with writing(services.engine) as connection:
            connection.execute(insert(jobs).values(row))
        return row["id"]

    return add


@pytest.fixture
def exported(services, run_jobs):
    """Export for this owner, as JSON Lines by default; only the past jobs, not the export itself."""

    def export(owner, **payload):
        payload = {"format": "jsonl", "until": "2025-12-31", **payload}
        job = services.jobs.create_job("job_history_export", payload, owner=owner)
        assert run_jobs() == 1
        return services.jobs.get(job.id)

    return export


@pytest.fixture
def lines_of(left_by):
    def lines(job):
        return [json.loads(line) for line in left_by(job)["job-history.jsonl"].splitlines()]

    return lines


def test_a_row_describes_a_job(database, exported, lines_of, past_job, user):
    job_id = past_job("Sales", owner=user, triggered_by=user.id, progress=66.667, attempt=2, status="failed")
    job = exported(Owner(user_id=user.id))
    assert (job.status, job.message, job.done, job.total) == (Status.COMPLETED, "1 job", 1, 1)
    assert lines_of(job) == [
        {
            "id": str(job_id),
            "type": "report",
            "title": "Sales",
            "status": "failed",
            "done_with_warnings": False,
            "owner": "Ana Ruiz",
            "triggered_by": "Ana Ruiz",
            "progress": 66.67,
            "attempt": 2,
            "created_at": "2025-01-01T00:00:00.000Z",
            "started_at": "2025-01-01T00:00:01.000Z",
            "finished_at": "2025-01-01T00:00:03.500Z",
            "seconds": 2.5,
            "tags": None,
            "shared_with": None,
        }
    ]


def test_a_job_that_is_done_with_warnings_is_marked(database, exported, lines_of, past_job):
    past_job("warned", warnings=[{"text": "Row 2 was skipped."}])
    past_job("failed", warnings=[{"text": "Row 2 was skipped."}], status="failed")
    past_job("done")
    lines = lines_of(exported(Owner()))
    assert {line["title"]: line["done_with_warnings"] for line in lines} == {
        "warned": True,
        "failed": False,
        "done": False,
    }


@pytest.mark.parametrize(
    ("role", "titles"),
    [
        (Role.USER, {"own", "public"}),
        (Role.AUDITOR, {"own", "public", "private", "foreign"}),
        (Role.OPERATOR, {"own", "public", "private", "foreign"}),
        (Role.ADMIN, {"own", "public", "private", "foreign"}),
    ],
)
def test_an_export_has_the_jobs_that_its_owner_can_see(database, exported, lines_of, past_job, person, role, titles):
    ana, bob = person("ana", role=role), person("bob")
    past_job("own", owner=ana)
    past_job("foreign", owner=bob)
    past_job("public", public=True)
    past_job("private")
    assert {line["title"] for line in lines_of(exported(Owner(user_id=ana.id)))} == titles


def test_a_public_export_of_the_system_has_only_public_jobs(exported, lines_of, past_job, user):
    past_job("foreign", owner=user)
    past_job("public", public=True)
    assert [line["title"] for line in lines_of(exported(Owner()))] == ["public", "foreign"]
    assert [line["title"] for line in lines_of(exported(Owner(public=True)))] == ["public"]


def test_a_tenant_does_not_see_the_jobs_of_another(exported, lines_of, past_job, person):
    boss = person("boss", role=Role.ADMIN, tenant="north")
    past_job("north", tenant="north")
    past_job("south", tenant="south")
    assert [line["title"] for line in lines_of(exported(Owner(user_id=boss.id, tenant="north")))] == ["north"]


def test_an_export_hides_the_messages_and_names_of_other_users_public_jobs(exported, lines_of, past_job, user, admin):
    texts = {"message": "secret", "warnings": [{"text": "secret"}], "errors": [{"text": "secret"}]}
    past_job("public", public=True, triggered_by=admin.id, **texts)
    past_job("own", owner=user, triggered_by=user.id, **texts)
    own, public = lines_of(exported(Owner(user_id=user.id), with_notes=True))
    assert (public["owner"], public["triggered_by"]) == ("the system", "another user")
    assert [public[column] for column in DIAGNOSTICS] == [None, None, None]
    assert [own[column] for column in DIAGNOSTICS] == list(texts.values())


def test_filters_narrow_the_export(database, exported, lines_of, past_job):
    for day in range(5):
        past_job(f"day {day}", day=day, type=f"type {day % 2}", status="failed" if day == 2 else "completed")
    period = {"since": "2025-01-02", "until": "2025-01-04"}

    def titles(**payload):
        return [line["title"] for line in lines_of(exported(Owner(), **payload))]

    assert titles(**period) == ["day 3", "day 2", "day 1"]
    assert titles(**period, statuses=["failed", "stale"]) == ["day 2"]
    assert titles(**period, types=["type 1"]) == ["day 3", "day 1"]
    assert titles(types=["unheard of"]) == []


def test_an_export_without_dates_includes_itself_as_the_newest_job(exported, lines_of):
    job = exported(Owner(), until=None)
    assert [(line["id"], line["status"]) for line in lines_of(job)] == [(str(job.id), "running")]


def test_a_period_that_ends_before_it_begins_is_refused():
    with pytest.raises(ValidationError, match="before the start day"):
        JobHistoryExport(since=date(2025, 2, 1), until=date(2025, 1, 1))
    JobHistoryExport(until=date.max).criteria(NEW_YEAR)


def test_a_csv_has_a_header_and_one_diagnostic_per_line(exported, left_by, past_job):
    past_job("Sales", message="Zoë", warnings=[{"text": "one"}, {"text": "=two"}], errors=[{"text": "=1+1"}])
    text = left_by(exported(Owner(), format="csv", with_notes=True))["job-history.csv"].decode()
    (line,) = csv.DictReader(StringIO(text, newline=""))
    assert tuple(line) == (*SUMMARY, *DIAGNOSTICS)
    assert [line[column] for column in ("message", "warnings", "errors")] == ["Zoë", "one\n=two", "'=1+1"]
    assert text.startswith("id,type,")
    assert text.endswith("\r\n")


def test_a_workbook_has_numbers_as_numbers_and_the_rest_as_text(exported, left_by, past_job):
    past_job("=1+1", progress=50.0)
    sheet = load_workbook(BytesIO(left_by(exported(Owner(), format="xlsx"))["job-history.xlsx"])).active
    header, line = sheet.iter_rows(values_only=True)
    found = dict(zip(header, line, strict=True))
    assert (found["title"], found["progress"], found["seconds"]) == ("'=1+1", 50, 2.5)
    assert found["created_at"] == "2025-01-01T00:00:00.000Z"


def test_a_full_sheet_is_followed_by_another(monkeypatch):
    monkeypatch.setattr(formats, "MOST_ROWS", 3)
    file = BytesIO()
    with workbook(file, ["title"]) as add:
        for number in range(5):
            add({"title": str(number)})
    sheets = load_workbook(file).worksheets
    assert [sheet.title for sheet in sheets] == ["Jobs", "Jobs 2", "Jobs 3"]
    assert [[row[0] for row in sheet.iter_rows(values_only=True)] for sheet in sheets] == [
        ["title", "0", "1"],
        ["title", "2", "3"],
        ["title", "4"],
    ]


def test_an_abandoned_workbook_leaves_no_files(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    file = BytesIO()
    with pytest.raises(KeyError), workbook(file, ["title"]) as add:
        add({"no title": "one"})
    assert file.getvalue() == b""
    assert list(tmp_path.iterdir()) == []


texts = st.text(st.characters(), max_size=40) | st.tuples(st.sampled_from(SIGNS), st.text(max_size=5)).map("".join)
_any_line = st.fixed_dictionaries(
    {"title": texts, "warnings": st.lists(texts.map(lambda text: {"text": text}), max_size=3)}
)


@settings(max_examples=examples(60))
@given(st.lists(_any_line, max_size=5))
def test_no_cell_of_a_csv_is_run_by_a_spreadsheet(lines):
    file = BytesIO()
    with csv_table(file, ["title", "warnings"]) as add:
        for line in lines:
            add(line)
    _, *rows = csv.reader(StringIO(file.getvalue().decode(), newline=""))
    assert len(rows) == len(lines)
    assert all(not cell.startswith(SIGNS) or PLAIN_NUMBER.fullmatch(cell) for row in rows for cell in row)


@settings(max_examples=examples(60))
@given(st.lists(_any_line, max_size=5))
def test_no_cell_of_a_workbook_is_run_by_a_spreadsheet(lines):
    file = BytesIO()
    with workbook(file, ["title", "warnings"]) as add:
        for line in lines:
            add(line)
    cells = [cell for row in load_workbook(file).active.iter_rows(min_row=2) for cell in row if cell.value is not None]
    assert {cell.data_type for cell in cells} <= {"s"}
    assert all(not cell.value.startswith(SIGNS) or PLAIN_NUMBER.fullmatch(cell.value) for cell in cells)


@pytest.mark.exhaustive
@pytest.mark.parametrize("form", [exhaustive("csv"), "xlsx", exhaustive("jsonl")])
def test_memory_does_not_grow_with_the_history(services, exported, form):
    row = {"type": "report", "status": "completed", "queue": "default", "priority": 100, "payload": {}}
    with writing(services.engine) as connection:
        many = [{**row, "id": uuid7(), "title": "x" * 100, "created_at": NEW_YEAR} for _ in range(6000)]
        connection.execute(insert(jobs), many)
    del many
    tracemalloc.start()
    job = exported(Owner(), format=form)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (job.message, job.total) == ("6,000 jobs", 6000)
    assert peak < 6_000_000
