import csv
import os
import signal
import subprocess
import sys
from io import BytesIO, StringIO
from pathlib import Path

import pytest
from sqlalchemy import select, text, update

from webapp.accounts.accounts import Accounts
from webapp.accounts.user import Role
from webapp.db.engine import reading, writing
from webapp.jobs.definition.payload import SECRET
from webapp.jobs.execution.leases import Holder
from webapp.jobs.model.job import Owner, Status
from webapp.jobtypes.user_import import user_table
from webapp.jobtypes.user_import.initial_passwords import InitialPasswords, new_seed
from webapp.schema import audit, jobs, now
from webapp.user_policy import user_policy

ROOT = Path(__file__).parent.parent.parent.parent
GOOD = "velvet tractor sings"


@pytest.fixture
def ask(services, admin):
    """Ask for an import of this text; the job waits."""

    def ask(content, owner=admin, **payload):
        data = content if isinstance(content, bytes) else content.encode()
        file = services.files.receive(BytesIO(data), "people.csv")
        return services.jobs.create_job(
            "user_import", payload, owner=Owner(user_id=owner.id), triggered_by=owner.id, files={"file": file}
        )

    return ask


@pytest.fixture
def imported(ask, services, run_jobs):
    """Import this text; the job is finished."""

    def run(content, **payload):
        job = ask(content, **payload)
        assert run_jobs() == 1
        return services.jobs.get(job.id)

    return run


@pytest.fixture
def rows_of(left_by):
    def rows(job, name):
        return list(csv.DictReader(StringIO(left_by(job)[name].decode(), newline="")))

    return rows


def test_each_row_becomes_an_account(database, imported, services):
    job = imported(f"name,full_name,email,role,password\nBea,Bea Lin,bea@Example.org,operator,{GOOD}\n")
    assert (job.status, job.message) == (Status.COMPLETED, "1 imported, 0 rejected")
    bea = services.accounts.authenticate("bea", GOOD)
    assert (bea.full_name, bea.email, bea.role) == ("Bea Lin", "bea@example.org", Role.OPERATOR)
    assert bea.imported_by == job.id


def test_a_missing_password_is_generated_and_listed(imported, services, rows_of):
    job = imported(f"name,password\nbea,\ncarl,{GOOD}\n")
    (listed,) = rows_of(job, "passwords.csv")
    assert listed["name"] == "bea"
    assert services.accounts.authenticate("bea", listed["password"])


def test_an_import_without_generated_passwords_and_rejected_rows_has_no_files(imported, left_by):
    assert left_by(imported(f"name,password\nbea,{GOOD}\n")) == {}


def test_bad_rows_are_listed_with_line_and_reason_and_the_others_imported(imported, services, rows_of, user):
    job = imported(
        "name,email,role,password\n"
        f"ana,,,{GOOD}\n"
        "\n"
        f"bea,bea at home,boss,{GOOD}\n"
        f"carl,,,{GOOD}\n"
        f"CARL,,,{GOOD}\n"
        "dora,,,short\n"
    )
    assert job.message == "1 imported, 4 rejected"
    assert [note["text"] for note in job.warnings] == ["Some rows were rejected. See rejected.csv for the reasons."]
    assert [(row["line"], row["reason"]) for row in rows_of(job, "rejected.csv")] == [
        ("2", "An account named ana already exists."),
        ("4", "This is not an email address. Unknown role. The roles are user, auditor, operator, admin."),
        ("6", "The name carl already appears on line 5."),
        ("7", "A password must have 12 to 128 characters."),
    ]
    assert services.accounts.by_name("ana") == user


def test_the_lists_are_safe_to_open_in_a_spreadsheet(imported, rows_of):
    job = imported('name,full_name\nbea,"=HYPERLINK(""http://example.org"")"\n=1+1,@x\n')
    assert rows_of(job, "passwords.csv")[0]["full_name"].startswith("'=")
    rejected = rows_of(job, "rejected.csv")[0]
    assert (rejected["name"], rejected["full_name"]) == ("'=1+1", "'@x")


def test_the_default_role_is_used_for_rows_without_a_role(imported, services):
    imported(f"name,role,password\nbea,,{GOOD}\ncarl,Auditor,{GOOD}\n", default_role="operator")
    assert [services.accounts.by_name(name).role for name in ("bea", "carl")] == [Role.OPERATOR, Role.AUDITOR]


@pytest.mark.parametrize(
    "content",
    [
        f"\ufeffName;E-Mail;Full Name;PASSWORD\r\nbea;;Zoë Núñez;{GOOD}\r\n".encode(),
        f"Name;E-Mail;Full Name;PASSWORD\r\nbea;;Zoë Núñez;{GOOD}\r\n".encode("latin-1"),
        f"sep=;\r\nFULL_NAME;password;name\r\nZoë Núñez;{GOOD};bea\r\n".encode(),
        f"password\tname 2\tname\tfull name\n{GOOD}\t?\tbea\tZoë Núñez\n".encode("utf-16"),
    ],
)
def test_headers_delimiters_and_encodings_are_detected(imported, services, content):
    assert imported(content).message == "1 imported, 0 rejected"
    assert services.accounts.authenticate("bea", GOOD).full_name == "Zoë Núñez"


def test_a_dry_run_creates_no_account(database, imported, services, rows_of, left_by, user):
    job = imported("name\nbea\nana\n", dry_run=True)
    assert job.message == "1 can be imported, 1 would be rejected"
    assert services.accounts.by_name("bea") is None
    assert set(left_by(job)) == {"rejected.csv"}
    assert rows_of(job, "rejected.csv")[0]["reason"] == "An account named ana already exists."


@pytest.mark.exhaustive
def test_an_import_killed_between_an_account_and_its_checkpoint_goes_on(
    database, ask, services, settings, run_jobs, rows_of
):
    job = ask("name\nbea\ncarl\nbea\ndora\n")
    lease_id = services.leases.open(Holder(host="here", boot_id="now", worker="tests", pid=os.getpid()), "default")
    environment = {
        **os.environ,
        "DESKJOB_DATA_DIR": str(settings.data_dir),
        "DESKJOB_DATABASE_URL": settings.database_url,
        "DESKJOB_REDIS_URL": settings.redis_url,
        "DESKJOB_SECRET_KEY": settings.secret_key.get_secret_value(),
        "PYTHONPATH": str(ROOT),
    }
    script = Path(__file__).with_name("killed_import.py")
    killed = subprocess.run([sys.executable, str(script), str(lease_id)], env=environment, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert services.accounts.by_name("carl") is not None
    assert services.jobs.get(job.id).state["line"] == 2
    services.leases.settle(lease_id, why="Its process was killed.")

    assert run_jobs() == 1

    job = services.jobs.get(job.id)
    assert (job.status, job.attempt, job.message) == (Status.COMPLETED, 2, "3 imported, 1 rejected")
    assert [row["line"] for row in rows_of(job, "rejected.csv")] == ["4"]
    listed = {row["name"]: row["password"] for row in rows_of(job, "passwords.csv")}
    assert set(listed) == {"bea", "carl", "dora"}
    assert all(services.accounts.authenticate(name, password) for name, password in listed.items())


def test_a_completed_import_is_not_repeated(ask, services, run_jobs):
    job = ask("name\nbea\n")
    services.jobs.change(job.id, lambda job: job.with_state({"summary": "9 imported, 0 rejected"}))
    run_jobs()
    assert services.jobs.get(job.id).message == "9 imported, 0 rejected"
    assert services.accounts.by_name("bea") is None


def test_a_stopped_import_keeps_the_passwords_so_far(ask, services, run_jobs, rows_of):
    job = ask("name\nbea\ncarl\n")
    with writing(services.engine) as connection:
        connection.execute(update(jobs).values(cancel_requested_at=now()))
    run_jobs()
    job = services.jobs.get(job.id)
    assert job.status is Status.CANCELLED
    (listed,) = rows_of(job, "passwords.csv")
    assert services.accounts.authenticate("bea", listed["password"])
    assert services.accounts.by_name("carl") is None


def test_an_account_that_an_earlier_attempt_creates_at_the_same_time_counts_as_imported(
    database, ask, services, run_jobs, monkeypatch
):
    by_name = Accounts.by_name
    calls = []

    def too_early(accounts, name):
        calls.append(name)
        return None if len(calls) == 1 else by_name(accounts, name)

    job = ask(f"name,password\nbea,{GOOD}\n")
    services.accounts.add("bea", GOOD, imported_by=job.id)
    monkeypatch.setattr(Accounts, "by_name", too_early)
    run_jobs()
    assert services.jobs.get(job.id).message == "1 imported, 0 rejected"


def test_no_password_and_no_seed_stays_in_the_database(imported, services, rows_of, left_by):
    job = imported(f"name,extra,password\nbea,x,\ncarl,y,{GOOD}\ndora,z,{GOOD},1\nerna,,{GOOD[:8]}\n")
    assert "seed" not in job.state
    secrets = {GOOD, GOOD[:8], rows_of(job, "passwords.csv")[0]["password"]}
    with reading(services.engine) as connection:
        kept = [
            str(row)
            for table in ("jobs", "log_lines", "events", "attempts", "users")
            for row in connection.execute(text(f"SELECT * FROM {table}"))
        ]
    assert not [row for row in kept for secret in secrets if secret in row]
    assert not [secret for secret in secrets if secret.encode() in left_by(job)["rejected.csv"]]
    assert any("'extra'" in line.text for line in services.queries.logs.log(job.id))


def test_a_file_without_header_fails_without_repeating_its_cells(imported):
    job = imported(f"bea,Bea Lin,{GOOD}\n")
    assert job.status is Status.FAILED
    assert job.errors[-1]["text"] == "The first row must contain the column names, including name."


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("\n", "The file has no readable rows."),
        ("name\n\n", "The file has a header but no rows."),
        ("name,Name\nbea,carl\n", "The column name appears twice."),
        ("name\nbea\ncarl\ndora\n", "The file has more than 2 rows. Split it into several files."),
    ],
)
def test_a_file_that_cannot_be_imported_fails_with_a_sentence(imported, monkeypatch, content, sentence):
    monkeypatch.setattr(user_table, "MOST_ROWS", 2)
    assert imported(content).errors[-1]["text"] == sentence


def test_an_unclosed_quote_is_named_by_its_line(imported):
    job = imported('name,full_name\nbea,"Bea\n' + "x" * 200_000)
    assert job.errors[-1]["text"] == "The quote opened on line 2 is never closed."


def test_a_file_with_an_unclosed_quote_imports_nobody(imported, services):
    job = imported(f'name,full_name,password\nann,Ann,{GOOD}\nbea,"Bea,{GOOD}\ncarl,Carl,{GOOD}\n')
    assert job.errors[-1]["text"] == "The quote opened on line 3 is never closed."
    assert services.accounts.by_name("ann") is None


def test_a_former_admin_cannot_import(ask, services, run_jobs, user):
    job = ask(f"name,password\nbea,{GOOD}\n", owner=user)
    run_jobs()
    assert services.jobs.get(job.id).errors[-1]["text"] == "Only admins can import users."
    assert services.accounts.by_name("bea") is None


def test_an_admin_of_a_tenant_cannot_import(services, person, run_jobs):
    boss = person("boss", role=Role.ADMIN, tenant="north")
    assert not user_policy(boss, services.registry).may_start("user_import")
    file = services.files.receive(BytesIO(f"name,password,role\nbea,{GOOD},admin\n".encode()), "people.csv")
    job = services.jobs.create_user_job("user_import", None, boss.id, files={"file": file})
    run_jobs()
    assert services.jobs.get(job.id).errors[-1]["text"] == "Only admins can import users."
    assert services.accounts.by_name("bea") is None


def test_every_imported_account_is_in_the_audit_log_with_its_admin(imported, services, admin):
    job = imported(f"name,full_name,role,password\nbea,Bea Lin,operator,{GOOD}\nroot,,,{GOOD}\n")
    with reading(services.engine) as connection:
        (line,) = connection.execute(select(audit).where(audit.c.action == "user_add")).mappings()
    assert (line["actor_id"], line["actor"], line["role"]) == (admin.id, "root", "admin")
    assert (line["kind"], line["object_id"], line["object_name"]) == ("user", "bea", "Bea Lin")
    assert line["after"] == {"role": "operator", "job": str(job.id)}


def test_only_admins_can_start_the_import_and_confirm_it_with_their_password(services):
    kind = services.registry.get("user_import")
    assert (kind.roles, kind.asks_password, kind.for_tenants) == ({Role.ADMIN}, True, False)


def test_an_initial_password_depends_on_the_seed(services):
    stored = new_seed(services.vault)
    assert set(stored) == {SECRET}
    first, other = InitialPasswords(stored, services.vault), InitialPasswords(new_seed(services.vault), services.vault)
    assert first.of("bea") == InitialPasswords(stored, services.vault).of("bea")
    assert len({first.of("bea"), first.of("carl"), other.of("bea")}) == 3
