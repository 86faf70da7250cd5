import re
from collections.abc import Callable
from datetime import timedelta
from io import BytesIO
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from flask.testing import FlaskClient
from pydantic import BaseModel, Field, SecretStr
from sqlalchemy import func, select
from werkzeug.datastructures import MultiDict

from tests.jobs.statements import recorded
from tests.stored_files import everything
from tests.views.forms.every_kind import clean_up, every_kind, hire, nothing
from tests.views.forms.form_filling import sent
from webapp.accounts.user import User
from webapp.config import Settings
from webapp.db.engine import reading
from webapp.jobs.definition.field_specs import Upload
from webapp.jobs.definition.job_type import job_type
from webapp.jobs.model.job import Job, Status
from webapp.schema import audit
from webapp.services import Services
from webapp.views.forms import upload_staging

Attach = tuple[BytesIO, str]


class Import(BaseModel):
    name: str = Field(description="Seen in the list.", min_length=3)
    key: SecretStr | None = None
    table: Upload = Field(json_schema_extra={"accept": ".csv, .TSV"})
    logo: Upload | None = Field(None, json_schema_extra={"accept": "image/*", "max_bytes": 20_000})


class Portrait(BaseModel):
    picture: Upload = Field(json_schema_extra={"max_bytes": 20_000})


@job_type("portrait", title="A portrait", group="Reports")
def portrait(job: Any, payload: Portrait) -> None:
    """Look at it."""


@job_type("sample_import", title="Import a table", group="Samples")
def sample_import(job: Any, payload: Import) -> None:
    """Read a table."""


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"max_upload_bytes": 100_000})


@pytest.fixture
def services(services: Services) -> Services:
    for one in (sample_import, portrait, every_kind, nothing, clean_up, hire):
        services.registry.add(one)
    return services


@pytest.fixture
def client(services: Services, client_of: Callable[[User], FlaskClient], user: User) -> FlaskClient:
    return client_of(user)


def csv(name: str = "airports.csv", content: bytes = b"a,b\n1,2\n") -> Attach:
    return BytesIO(content), name


def post(client: FlaskClient, **fields: Any) -> Any:
    return client.post("/jobs/new/sample_import", data=fields, content_type="multipart/form-data")


def started(answer: Any, services: Services) -> Job:
    assert answer.status_code == 303, answer.text
    return services.jobs.get(UUID(answer.location.rpartition("/")[2]))


def tile(client: FlaskClient, name: str) -> str:
    tiles = client.get("/jobs/new").text.split('<li class="tile">')
    return next(one for one in tiles if f'href="/jobs/new/{name}"' in one)


def stored_files(services: Services) -> list[Any]:
    """Return the files with content; the notes about staged files have none."""
    return [path for path in everything(services.files) if "staged" not in str(path)]


def content(services: Services, job: Job) -> list[tuple[str, bytes]]:
    found = []
    for file in services.jobs.attachments(job.id):
        with services.files.open(file.id) as stream:
            found.append((file.name, stream.read()))
    return found


def test_the_catalogue_lists_job_types_by_group(client: FlaskClient) -> None:
    page = client.get("/jobs/new").text
    assert "<h2 id=" in page
    assert 'href="/jobs/new/sample_import">Import a table</a>' in page
    assert "Read a table." in page


def test_the_headings_of_the_catalogue_are_translated(client: FlaskClient) -> None:
    page = client.get("/jobs/new", headers={"Accept-Language": "de"}).text
    assert ">Berichte</h2>" in page
    assert ">Reports<" not in page


def test_the_catalogue_shows_the_usual_duration(client: FlaskClient, put: Callable[..., Job]) -> None:
    put(Status.COMPLETED, type="sample_import")
    assert "Usually" in client.get("/jobs/new").text


@pytest.mark.parametrize(
    ("reason", "message"),
    [
        ("The tables are being moved.", "Disabled: The tables are being moved."),
        ("", "This job type is disabled."),
    ],
)
def test_the_catalogue_shows_why_a_type_is_disabled(
    client: FlaskClient, services: Services, reason: str, message: str
) -> None:
    services.disabled_types.disable("sample_import", reason=reason)
    disabled, other = tile(client, "sample_import"), tile(client, "portrait")
    assert "Disabled" in disabled
    assert f">{message}<" in disabled
    assert "Disabled" not in other
    assert "This job type is disabled" not in other


@pytest.mark.usefixtures("services")
@pytest.mark.parametrize(("name", "allowed"), [("clean_up", {"operator", "admin"}), ("hire", {"admin"})])
def test_a_type_is_offered_only_to_users_who_can_start_it(
    client_of: Callable[[User], FlaskClient], person: Callable[..., User], name: str, allowed: set[str]
) -> None:
    for role in ("user", "auditor", "operator", "admin"):
        client = client_of(person(role, role=role))
        assert (f'href="/jobs/new/{name}"' in client.get("/jobs/new").text) == (role in allowed)
        assert client.get(f"/jobs/new/{name}").status_code == (200 if role in allowed else 404)
        assert client.post(f"/jobs/new/{name}").status_code == (303 if role in allowed else 404)


def test_an_unknown_type_is_not_found(client: FlaskClient) -> None:
    assert client.get("/jobs/new/unknown").status_code == 404
    assert client.post("/jobs/new/unknown", data={"a": csv()}).status_code == 404


def test_the_form_explains_visibility_and_retention(client: FlaskClient) -> None:
    page = client.get("/jobs/new/sample_import").text
    assert "Only you and the operators of this installation." in page
    assert "30\N{NO-BREAK SPACE}days, then they are deleted." in page
    assert "At most 100 kB." in page


def test_every_kind_of_field_is_shown(client: FlaskClient) -> None:
    page = client.get("/jobs/new/every_kind").text
    for name in every_kind.payload_class.model_fields:
        assert f'name="{name}"' in page


def test_a_valid_form_starts_a_job_of_the_user(client: FlaskClient, services: Services, user: User) -> None:
    job = started(post(client, name="May", key="hush", table=csv()), services)
    assert (job.type, job.owner.user_id, job.triggered_by) == ("sample_import", user.id, user.id)
    assert job.payload["name"] == "May"
    assert job.payload["table"]["name"] == "airports.csv"
    assert "hush" not in str(job.payload)
    assert content(services, job) == [("airports.csv", b"a,b\n1,2\n")]


def test_a_type_without_fields_starts_at_once(client: FlaskClient, services: Services) -> None:
    assert started(client.post("/jobs/new/nothing"), services).payload == {}


def test_the_form_can_be_submitted_unchanged(client: FlaskClient, services: Services) -> None:
    fields = sent(re.sub(r"(?s).*(<form class=\"card.*?</form>).*", r"\1", client.get("/jobs/new/every_kind").text))
    fields.setlist("report_name", ["May"])
    fields.setlist("since", ["2026-05-01"])
    fields.setlist("region", ["east"])
    job = started(
        client.post("/jobs/new/every_kind", data=MultiDict([*fields.items(multi=True), ("data", csv())])), services
    )
    assert (job.payload["region"], job.payload["notify"], job.payload["columns"]) == ("east", True, ["name"])


def test_an_invalid_form_keeps_its_input_and_shows_errors(client: FlaskClient) -> None:
    answer = post(client, name="M<", key="hush", table=csv())
    assert answer.status_code == 422
    assert '<a href="#field-name">Name</a>: Use at least 3 characters.' in answer.text
    assert 'aria-describedby="field-name-help field-name-error"' in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert 'value="M&lt;"' in answer.text
    assert "hush" not in answer.text
    assert "Enter it again" in answer.text


def token(answer: Any, field: str = "table") -> str:
    found = re.search(rf'name="{field}\.kept" value="([^"]+)"', answer.text)
    assert found, answer.text
    return found[1]


def test_an_uploaded_file_is_kept_while_the_form_is_invalid(client: FlaskClient, services: Services) -> None:
    refused = post(client, name="M", table=csv())
    assert "airports.csv (8 bytes) is already uploaded. Choose another file to replace it." in refused.text
    fields = {"name": "May", "table": (BytesIO(), ""), "table.kept": token(refused)}
    job = started(post(client, **fields), services)
    assert content(services, job) == [("airports.csv", b"a,b\n1,2\n")]
    fields["table"] = (BytesIO(), "")
    again = started(post(client, **fields), services)
    assert content(services, again) == content(services, job)


def test_an_uploaded_file_survives_repeated_errors(client: FlaskClient, services: Services) -> None:
    first = post(client, name="M", table=csv())
    second = post(client, **{"name": "", "table.kept": token(first)})
    assert second.status_code == 422
    started(post(client, **{"name": "May", "table.kept": token(second)}), services)


def test_a_new_file_replaces_the_uploaded_one(client: FlaskClient, services: Services) -> None:
    refused = post(client, name="M", table=csv())
    fields = {"name": "May", "table": csv("b.csv", b"new"), "table.kept": token(refused)}
    job = started(post(client, **fields), services)
    assert content(services, job) == [("b.csv", b"new")]


def test_another_user_cannot_use_an_uploaded_file(
    client: FlaskClient, client_of: Callable[[User], FlaskClient], person: Callable[..., User]
) -> None:
    stolen = token(post(client, name="M", table=csv()))
    answer = post(client_of(person("eve")), **{"name": "May", "table.kept": stolen})
    assert answer.status_code == 422
    assert "The file you uploaded before is no longer available. Choose it again." in answer.text


def test_a_required_file_must_be_uploaded_and_an_optional_one_can_be_left_out(client: FlaskClient) -> None:
    answer = post(client, name="May", table=(BytesIO(), ""), logo=(BytesIO(), ""))
    assert answer.status_code == 422
    assert '<a href="#field-table">Table</a>: Choose a file.' in answer.text
    assert "Logo</a>" not in answer.text


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"table": csv("a.pdf")}, "a.pdf is not an accepted file type. Choose a file of type .csv or .tsv."),
        ({"table": csv("csv")}, "csv is not an accepted file type"),
        ({"table": csv("a.csv", b"")}, "a.csv is empty. Choose another file."),
        ({"table": csv(), "logo": csv("a.html")}, "a.html is not an accepted file type. Choose a file of type image/*"),
    ],
)
def test_a_file_of_the_wrong_type_is_refused_and_not_stored(
    client: FlaskClient, services: Services, fields: dict[str, Any], sentence: str
) -> None:
    answer = post(client, name="May", **{name: csv(file[1], file[0].getvalue()) for name, file in fields.items()})
    assert answer.status_code == 422
    assert sentence in answer.text
    assert len(stored_files(services)) == len(fields) - 1


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd.csv", "passwd.csv"),
        ("Ümläut 日本.CSV", "Ümläut 日本.CSV"),
        ("a\u202evsc.csv", "avsc.csv"),
        ("quo%22te;.csv", "quo_te;.csv"),  # as browsers write a quote
        ("x" * 300 + ".csv", "x" * 146 + ".csv"),
    ],
)
def test_odd_names_are_cleaned(client: FlaskClient, services: Services, name: str, shown: str) -> None:
    job = started(post(client, name="May", table=csv(name)), services)
    assert content(services, job)[0][0] == shown


def test_a_file_over_the_limit_is_refused_with_a_page_that_names_it(client: FlaskClient, services: Services) -> None:
    answer = post(client, name="May", table=csv(content=b"x" * 100_001))
    assert answer.status_code == 413
    assert "larger than the limit of 100 kB" in answer.text
    assert everything(services.files) == []


def test_a_field_names_its_own_limit(client: FlaskClient) -> None:
    page = client.get("/jobs/new/sample_import").text
    assert ("At most 100 kB." in page, "At most 20 kB." in page) == (True, True)
    refused = post(client, name="May", table=csv(), logo=csv("a.png", b"x" * 20_001))
    assert refused.status_code == 422
    assert "a.png is larger than the limit of 20 kB. Choose a smaller file." in refused.text


def test_a_file_without_a_field_is_not_stored(client: FlaskClient, services: Services) -> None:
    answer = client.post(
        "/jobs/new/portrait", data={"picture": csv(content=b"x" * 20_001)}, content_type="multipart/form-data"
    )
    assert answer.status_code == 413
    assert "larger than the limit of 20 kB" in answer.text
    assert everything(services.files) == []


def test_a_type_without_uploads_stores_no_files(client: FlaskClient, services: Services) -> None:
    job = started(client.post("/jobs/new/nothing", data={"file": csv()}), services)
    assert services.jobs.attachments(job.id) == ()
    assert everything(services.files) == []


@pytest.mark.usefixtures("database")
def test_text_that_a_database_cannot_store_is_refused(client: FlaskClient) -> None:
    assert post(client, name="May\x00", table=csv()).status_code == 422
    assert client.post("/jobs/new/every_kind", data={"anything": '"\\u0000"'}).status_code == 422


def hidden_key(page: str) -> str:
    return re.search(r'name="job\.key" value="([^"]+)"', page)[1]


def test_a_form_submitted_twice_creates_one_job(client: FlaskClient, services: Services) -> None:
    fields = {"name": "May", "job.key": hidden_key(client.get("/jobs/new/sample_import").text)}
    first = started(post(client, **fields, table=csv()), services)
    assert started(post(client, **fields, table=csv()), services).id == first.id
    changed = started(post(client, **{**fields, "name": "June"}, table=csv()), services)
    assert changed.id != first.id
    assert hidden_key(client.get("/jobs/new/sample_import").text) != fields["job.key"]


def test_a_form_submitted_twice_leaves_one_file(client: FlaskClient, services: Services) -> None:
    for _ in range(2):
        started(post(client, **{"name": "May", "job.key": "k"}, table=csv()), services)
    assert len(stored_files(services)) == 1


def test_refused_forms_leave_no_more_files_than_the_quota(
    client: FlaskClient, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload_staging, "QUOTA", 20)
    answers = [post(client, name="M", table=csv()) for _ in range(5)]
    assert sum(path.stat().st_size for path in stored_files(services)) == 16
    started(post(client, **{"name": "May", "table.kept": token(answers[-1])}), services)
    gone = post(client, **{"name": "May", "table.kept": token(answers[0])})
    assert "The file you uploaded before is no longer available. Choose it again." in gone.text


def test_a_form_that_copies_a_job_never_deletes_its_file(
    client: FlaskClient, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload_staging, "QUOTA", 0)
    job = started(post(client, name="May", table=csv()), services)
    kept = token(client.get(f"/jobs/{job.id}/run-again"))
    for _ in range(2):
        refused = client.post(f"/jobs/{job.id}/run-again", data={"name": "M", "table.kept": kept})
        assert refused.status_code == 422
    assert content(services, job) == [("airports.csv", b"a,b\n1,2\n")]


def test_starting_a_job_looks_its_idempotency_key_up_once(client: FlaskClient, services: Services) -> None:
    with recorded(services.engine) as sent:
        started(client.post("/jobs/new/nothing", data={"job.key": "k"}), services)
    assert sum("FROM requests" in statement for statement, _ in sent) == 1


def test_a_repeated_form_is_recorded_once_in_the_audit_log(client: FlaskClient, services: Services) -> None:
    for _ in range(2):
        job = started(client.post("/jobs/new/nothing", data={"job.key": "k"}), services)
    with reading(services.engine) as connection:
        created = select(func.count()).where(audit.c.object_id == str(job.id), audit.c.action == "job_create")
        assert connection.execute(created).scalar_one() == 1


def test_idempotency_keys_belong_to_one_user(
    client: FlaskClient, client_of: Callable[[User], FlaskClient], person: Callable[..., User], services: Services
) -> None:
    first = started(client.post("/jobs/new/nothing", data={"job.key": "k"}), services)
    other = started(client_of(person("bob")).post("/jobs/new/nothing", data={"job.key": "k"}), services)
    assert other.id != first.id


def test_a_job_can_start_later_in_the_time_zone_of_the_user(
    client_of: Callable[[User], FlaskClient], person: Callable[..., User], services: Services
) -> None:
    madrid = client_of(person("carla", timezone="Europe/Madrid"))
    assert "Time zone: Europe/Madrid." in madrid.get("/jobs/new/nothing").text
    soon = services.queries.jobs.now() + timedelta(days=2)
    at = soon.astimezone(ZoneInfo("Europe/Madrid")).replace(second=0, microsecond=0)
    job = started(madrid.post("/jobs/new/nothing", data={"job.at": f"{at:%Y-%m-%dT%H:%M}"}), services)
    assert (job.status, job.run_at) == (Status.SCHEDULED, at)
    assert f"{at:%H:%M}" in madrid.get(f"/jobs/{job.id}").text


@pytest.mark.parametrize(
    ("at", "sentence"),
    [
        ("2020-01-01T10:00", "This time is in the past."),
        ("2999-01-01T10:00", "Choose a time within the next year."),
        ("tomorrow", "This must be a date and a time."),
        ("9999-12-31T23:59", "Choose a time within the next year."),
        ("0001-01-01T00:00", "This time is in the past."),
    ],
)
def test_an_invalid_start_time_is_reported_and_the_input_is_kept(
    client: FlaskClient, services: Services, at: str, sentence: str
) -> None:
    answer = post(client, **{"name": "May", "job.at": at, "job.title": "All of May"}, table=csv())
    assert answer.status_code == 422
    assert sentence in answer.text
    assert 'value="All of May"' in answer.text
    assert "airports.csv (8 bytes) is already uploaded." in answer.text
    assert services.queries.all_jobs.newest(1) == ()


def test_a_job_can_have_a_custom_title(client: FlaskClient, services: Services) -> None:
    job = started(client.post("/jobs/new/nothing", data={"job.title": "  Mine,  <b>bold</b> "}), services)
    assert job.title == "Mine, <b>bold</b>"
    assert "Mine, &lt;b&gt;bold&lt;/b&gt;" in client.get(f"/jobs/{job.id}").text
    assert client.post("/jobs/new/nothing", data={"job.title": "x" * 201}).status_code == 422


def test_the_catalogue_shows_the_last_run_of_the_user(client: FlaskClient, services: Services) -> None:
    assert "Your last run:" not in client.get("/jobs/new").text
    client.post("/jobs/new/nothing")
    assert client.get("/jobs/new").text.count("Your last run:") == 1


def test_a_job_can_be_started_without_a_worker(client: FlaskClient, services: Services) -> None:
    assert "You can still start it" in client.get("/jobs/new/nothing").text
    job = started(client.post("/jobs/new/nothing"), services)
    assert "No worker is running for this job type." in client.get(f"/jobs/{job.id}").text


@job_type("one_at_a_time", title="One at a time", unique_key=lambda payload: "the one")
def one_at_a_time(job: Any, payload: Portrait) -> None:
    """Look at it."""


def test_a_duplicate_of_a_unique_job_is_refused_with_a_message(client: FlaskClient, services: Services) -> None:
    services.registry.add(one_at_a_time)
    fields = {"picture": csv("a.png")}
    first = started(client.post("/jobs/new/one_at_a_time", data=fields, content_type="multipart/form-data"), services)
    fields = {"picture": csv("b.png")}
    answer = client.post("/jobs/new/one_at_a_time", data=fields, content_type="multipart/form-data")
    assert answer.status_code == 422
    link = f'<a href="/jobs/{first.id}">One at a time: a.png ({first.short_id})</a>'
    assert f"An identical job is already running. {link}" in answer.text


def test_a_refused_duplicate_leaves_no_copy_of_its_staged_file(client: FlaskClient, services: Services) -> None:
    services.registry.add(one_at_a_time)
    services.jobs.create_job("nothing", unique_key="the one")
    answer = client.post("/jobs/new/one_at_a_time", data={"picture": csv("a.png")}, content_type="multipart/form-data")
    for _ in range(2):
        answer = client.post("/jobs/new/one_at_a_time", data={"picture.kept": token(answer, "picture")})
        assert "An identical job is already running." in answer.text
    assert len(stored_files(services)) == 1


def test_a_duplicate_of_a_job_of_another_user_has_no_link(client: FlaskClient, services: Services) -> None:
    services.registry.add(one_at_a_time)
    other = services.jobs.create_user_job("nothing", {}, uuid4(), unique_key="the one")
    fields = {"picture": csv("a.png")}
    answer = client.post("/jobs/new/one_at_a_time", data=fields, content_type="multipart/form-data")
    assert answer.status_code == 422
    assert "An identical job is already running." in answer.text
    assert str(other.id) not in answer.text
