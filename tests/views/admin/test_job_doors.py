"""Every door to a job asks the same policy: the page, bulk actions, exports, imports, job types and the command line.

The rows are generated from the job policy, the columns from the routes and the job types of the application: a
route or a job type that is added is tried here, or fails until it is in a table of this module.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import click
import pytest
from flask import Flask
from flask.testing import FlaskClient
from pydantic import BaseModel
from sqlalchemy import insert

from tests.exhaustive import every_nth, every_pair, exhaustive
from webapp.accounts.accounts import Accounts
from webapp.accounts.tokens import scopes_for
from webapp.accounts.user import Role, User
from webapp.cli import parameters
from webapp.db.engine import writing
from webapp.jobs import Job, JobContext, JobNotFound, JobQueries, Jobs, Status, job_type
from webapp.jobs.execution.by_hand.dry_run_process import DryRunResult
from webapp.jobs.lifecycle.bulk_actions import BulkAction
from webapp.jobs.model.job import Owner
from webapp.jobs.model.job_policy import JobAction
from webapp.schema import log_lines, now
from webapp.services import Services
from webapp.user_policy import user_policy, viewer_of

WORD = "xylophone"  # every text of a job's handler contains it
PEOPLE: dict[str, dict[str, Any]] = {
    "other": {},
    "auditor": {"role": Role.AUDITOR},
    "operator": {"role": Role.OPERATOR},
    "member": {"role": Role.OPERATOR},  # of the group that group letters are for
    "admin": {"role": Role.ADMIN},
    "tenant": {"role": Role.ADMIN, "tenant": "north"},
    "owner": {"role": Role.ADMIN},  # of the jobs
    "demoted": {},  # owns a job of a type that only admins can start
    "reader": {},  # belongs to the group with which jobs are shared, as the next two
    "viewing": {"role": Role.AUDITOR},
    "southern": {"tenant": "south"},
    "former": {},  # belonged to it
}
READERS = "Readers"
EVERYBODY = "Everybody"  # the group with which each user tries to share a job
TYPES = ("open_letter", "closed_letter", "unlisted_letter", "acting_letter", "group_letter")
CLOSABLE = ("open_letter", "closed_letter", "group_letter")
OTHER_PAGES = {"static", "health.healthz", "health.readyz", "auth.login"}  # open to everybody, without jobs
# job types that read or change jobs or accounts on behalf of their owner, and the test that holds them to its rights
ACTING_TYPES = {
    "bulk_action": "test_a_bulk_action_obeys_the_policy",
    "job_history_export": "test_what_a_user_cannot_open_is_on_no_page_and_in_no_export",
    "user_import": "tests/jobtypes/user_import/test_user_import.py",
}
# those that read nothing but the account of their owner, and the test of it
READING_TYPES = {"dataset_report": "test_the_report_names_its_owner_and_is_in_their_language"}


_OPERATIONS = {
    JobAction.STOP: ("POST", "/cancel"),
    JobAction.RETRY: ("POST", "/retry"),
    JobAction.RUN_AGAIN: ("POST", "/run-again"),
    JobAction.DELETE: ("DELETE", ""),
    JobAction.SHARE: ("PUT", "/share"),
    JobAction.UNSHARE: ("PUT", "/share"),
}
_BODIES = {JobAction.SHARE: {"group": EVERYBODY}, JobAction.UNSHARE: {"group": None}}
_GROUPS = {JobAction.SHARE: {"group": EVERYBODY}}


class Letter(BaseModel):
    text: str = WORD


def write(job: JobContext, payload: Letter) -> None:
    """Write a letter."""


@dataclass(frozen=True)
class Doors:
    """A user at the doors of the jobs."""

    services: Services
    user: User
    client: FlaskClient
    put: Callable[..., Job]
    program: FlaskClient  # a client with an API token

    def job(self, type_name: str, owner: Owner, action: JobAction, shared_with: str | None = None) -> Job:
        status = Status.QUEUED if action is JobAction.STOP else Status.FAILED
        errors = ({"text": f"The {WORD} is out of tune.", "at": "2026-01-01T00:00:00+00:00"},)
        texts: dict[str, Any] = {"message": f"Tuning the {WORD}", "errors": errors, "warnings": errors}
        known = {"type": type_name, "owner": owner, "shared_with": shared_with}
        return self.put(status, payload={"text": WORD}, attempt=1, **known, **texts)

    def expected(self, action: JobAction, job: Job) -> bool:
        policy = user_policy(self.user, self.services.registry)
        with suppress(JobNotFound):
            self.services.queries.jobs.get_visible(viewer_of(policy), job.id)
            is_shared = action is not JobAction.UNSHARE or job.shared_with is not None
            return is_shared and policy.refusal(action, job) is None
        return False

    def is_done(self, action: JobAction, job: Job) -> bool:
        copies = [each for each in self.services.queries.all_jobs.newest(20) if each.again_of == job.id]
        if action is JobAction.RUN_AGAIN:
            assert all(copy.owner.user_id == self.user.id for copy in copies), "a copy belongs to who makes it"
            return bool(copies)
        try:
            status, shared_with = (found := self.services.jobs.get(job.id)).status, found.shared_with
        except JobNotFound:
            return action is JobAction.DELETE
        if action is JobAction.SHARE:
            return shared_with == EVERYBODY
        if action is JobAction.UNSHARE:
            return job.shared_with is not None and shared_with is None
        return status in {JobAction.STOP: {Status.CANCELLED}, JobAction.RETRY: {Status.QUEUED}}.get(action, set())

    def read(self, address: str) -> bytes:
        return (self.program if address.startswith("/api/") else self.client).get(address).data

    def page(self, action: JobAction, job: Job) -> None:
        verb = action.value.replace("_", "-").removeprefix("un")
        self.client.post(f"/jobs/{job.id}/{verb}", data={"text": "a", **_GROUPS.get(action, {})})

    def selection(self, action: JobAction, job: Job) -> None:
        self.client.post(f"/jobs/act/{action}", data={"id": job.id, **_GROUPS.get(action, {})})

    def api(self, action: JobAction, job: Job) -> None:
        method, path = _OPERATIONS[action]
        self.program.open(f"/api/v1/jobs/{job.id}{path}", method=method, json=_BODIES.get(action))

    def api_selection(self, action: JobAction, job: Job) -> None:
        self.program.post("/api/v1/jobs/bulk", json={"action": action, "ids": [str(job.id)], **_GROUPS.get(action, {})})

    def bulk_action(self, action: JobAction, job: Job) -> None:
        payload = {"action": action, "text": str(job.id), **_GROUPS.get(action, {})}
        acting = self.services.jobs.create_user_job("bulk_action", payload, self.user.id, priority=1000)
        self.services.run_inline(acting.id)
        assert self.services.jobs.get(acting.id).status is Status.COMPLETED


@pytest.fixture
def people(services: Services, person: Callable[..., User]) -> dict[str, User]:
    options: tuple[dict[str, Any], ...] = ({}, {"roles": [Role.ADMIN]}, {"listed": False}, {"acts_as_owner": True}, {})
    for name, details in zip(TYPES, options, strict=True):
        services.registry.add(job_type(name, title=name, **details)(write))
    added = {name: person(name, **details) for name, details in PEOPLE.items()}
    group = services.user_groups.add("Letter writers")
    services.user_groups.set_types(group, ["group_letter"])
    services.user_groups.add_member(group, added["member"].id)
    readers = services.user_groups.add(READERS)
    for name in ("reader", "viewing", "southern", "former"):
        services.user_groups.add_member(readers, added[name].id)
    services.user_groups.remove_member(readers, added["former"].id)
    everybody = services.user_groups.add(EVERYBODY)
    for user in added.values():
        services.user_groups.add_member(everybody, user.id)
    return {name: services.accounts.get(user.id) or user for name, user in added.items()}


@pytest.fixture
def doors(
    request: pytest.FixtureRequest,
    app: Flask,
    services: Services,
    people: dict[str, User],
    client_of: Callable[[User], FlaskClient],
    put: Callable[..., Job],
) -> Doors:
    user = people[request.param]
    _token, text = services.tokens.add(user, "doors", scopes_for(user))
    program = app.test_client()
    program.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {text}"
    return Doors(services, user, client_of(user), put, program)


def owners(people: dict[str, User]) -> tuple[tuple[Owner, str | None], ...]:
    """Return the owners of jobs, with the group that a job is shared with."""
    own = Owner(user_id=people["owner"].id)
    return (own, None), (own, READERS), (Owner(user_id=people["demoted"].id), None), (Owner(public=True), None)


every_user = pytest.mark.parametrize("doors", every_nth(PEOPLE, 3), indirect=True)  # by default, a third
DOORS = ("page", "selection", "bulk_action", "api", "api_selection")
ACTIONS = tuple(JobAction(action.value) for action in BulkAction)


@pytest.mark.parametrize(("doors", "door"), every_pair(PEOPLE, DOORS, every=2), indirect=["doors"])
def test_every_door_obeys_the_policy(doors: Doors, door: str, people: dict[str, User]) -> None:
    for action in ACTIONS:
        for owner, shared_with in owners(people):
            for type_name in TYPES:
                job = doors.job(type_name, owner, action, shared_with)
                expected = doors.expected(action, job)
                getattr(doors, door)(action, job)
                assert doors.is_done(action, job) is expected, (action, type_name, owner, shared_with)


@pytest.mark.exhaustive
@every_user
def test_a_dry_run_obeys_the_policy(doors: Doors, people: dict[str, User], monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[Job] = []

    def run(job: Job) -> DryRunResult:
        ran.append(job)
        return DryRunResult(lines=(), completes=True, sentence=WORD)

    monkeypatch.setattr(doors.services.dry_run_processes, "run", run)
    for owner, shared_with in owners(people):
        for type_name in TYPES:
            job = doors.job(type_name, owner, JobAction.DRY_RUN, shared_with)
            answer = doors.client.post(f"/jobs/{job.id}/dry-run")
            expected = doors.expected(JobAction.DRY_RUN, job)
            assert (answer.status_code == 200, WORD in answer.text, ran == [job]) == (expected,) * 3, (type_name, owner)
            assert ("dry-run" in doors.client.get(f"/jobs/{job.id}").text) is expected
            ran.clear()


def test_operators_act_on_open_types_and_admins_on_all(services: Services, people: dict[str, User], put: Any) -> None:
    owner = Owner(user_id=people["owner"].id)
    jobs = {name: put(Status.FAILED, type=name, owner=owner) for name in TYPES}

    def allowed(name: str, action: JobAction) -> list[str]:
        policy = user_policy(people[name], services.registry)
        return [type_name for type_name, job in jobs.items() if policy.refusal(action, job) is None]

    assert allowed("auditor", JobAction.OPEN) == allowed("operator", JobAction.DELETE) == [TYPES[0], *TYPES[2:4]]
    assert allowed("member", JobAction.DELETE) == [TYPES[0], *TYPES[2:]]
    assert allowed("member", JobAction.RUN_AGAIN) == [TYPES[0], *TYPES[3:]]
    assert allowed("auditor", JobAction.DELETE) == allowed("other", JobAction.OPEN) == []
    assert allowed("operator", JobAction.RUN_AGAIN) == [TYPES[0], TYPES[3]]
    assert allowed("admin", JobAction.RETRY) == allowed("admin", JobAction.DRY_RUN) == list(TYPES)
    assert allowed("operator", JobAction.DRY_RUN) == [TYPES[0], TYPES[2]]
    assert allowed("admin", JobAction.RUN_AGAIN) == [*TYPES[:2], *TYPES[3:]]


def test_members_read_what_is_shared_with_their_group_and_change_nothing(
    services: Services, people: dict[str, User], put: Any
) -> None:
    owner = Owner(user_id=people["owner"].id)
    shared = [put(Status.FAILED, type=name, owner=owner, shared_with=READERS) for name in TYPES]

    def allowed(name: str) -> set[JobAction]:
        policy = user_policy(people[name], services.registry)
        found = services.queries.lists.find_by_ids(viewer_of(policy), [job.id for job in shared])
        return {action for job in found.values() for action in JobAction if policy.refusal(action, job) is None}

    assert allowed("reader") == allowed("viewing") == {JobAction.OPEN}
    assert allowed("former") == allowed("southern") == allowed("other") == set()


SHARE_DOORS = ("page", "api")


@pytest.mark.parametrize(("doors", "door"), every_pair(PEOPLE, SHARE_DOORS, start=1, every=3), indirect=["doors"])
def test_every_door_shares_what_the_policy_permits(doors: Doors, door: str, people: dict[str, User]) -> None:
    policy = user_policy(doors.user, doors.services.registry)
    for owner, shared_with in owners(people):
        for type_name in TYPES:
            for group in (READERS, "Letter writers", None):
                action = JobAction.SHARE if group else JobAction.UNSHARE
                job = doors.job(type_name, owner, action, shared_with)
                expected = doors.expected(action, job)
                if group and group != shared_with and policy.refusal_to_share(type_name, group):
                    expected = False
                if door == "page":
                    doors.client.post(f"/jobs/{job.id}/share", data={"group": group or ""})
                else:
                    doors.program.put(f"/api/v1/jobs/{job.id}/share", json={"group": group})
                after = doors.services.jobs.get(job.id).shared_with
                assert after == (group if expected else shared_with), (type_name, owner, shared_with, group)


@every_user
def test_the_form_the_api_and_the_command_line_share_new_jobs_with_the_same_groups(
    doors: Doors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parameters, "services", lambda: doors.services)
    policy, newest = user_policy(doors.user, doors.services.registry), doors.services.queries.all_jobs.newest
    for group in (READERS, "Letter writers"):
        permitted = policy.refusal_to_share("open_letter", group) is None
        answer = doors.client.post("/jobs/new/open_letter", data={"text": "a", "job.group": group})
        assert (answer.status_code == 303, newest(1) != () and newest(1)[0].shared_with == group) == (permitted,) * 2
        body = {"type": "open_letter", "payload": {"text": "a"}, "shared_with": group}
        answer = doors.program.post("/api/v1/jobs", json=body)
        assert answer.status_code == (202 if permitted else 422)
        assert permitted or answer.get_json()["errors"][0]["pointer"] == "#/shared_with"
        try:
            parameters.check_group(Owner(user_id=doors.user.id), "open_letter", group)
            assert permitted
        except click.ClickException:
            assert not permitted


def addresses(app: Flask, services: Services, job: Job) -> list[str]:
    """Return the address of every list, and of every page about a job, its type, its queue or its error."""
    known = {"job_id": job.id, "type_name": job.type, "name": job.type}
    known["fingerprint"] = services.metrics.errors.page()[0].fingerprint
    adapter = app.url_map.bind("localhost")
    return [
        adapter.build(rule.endpoint, {name: known[name] for name in rule.arguments})
        for rule in app.url_map.iter_rules()
        if "GET" in (rule.methods or ()) and rule.arguments <= set(known) and rule.endpoint not in OTHER_PAGES
    ]


# By default, the user who sees only some of the jobs, also of their own
@pytest.mark.exhaustive
@pytest.mark.parametrize("doors", [name if name == "demoted" else exhaustive(name) for name in PEOPLE], indirect=True)
def test_what_a_user_cannot_open_is_on_no_page_and_in_no_export(
    doors: Doors, app: Flask, people: dict[str, User], insert_ended: Any, update_metrics: Callable[[], None]
) -> None:
    names = ("owner", "shared", "demoted", "public")
    for (owner, shared_with), name in zip(owners(people), names, strict=True):
        for type_name in CLOSABLE:
            word = f"xylophone{type_name}{name}"  # of this job alone: groups of errors outlive their jobs
            texts: dict[str, Any] = {"payload": {"text": word}, "message": word, "warnings": ({"text": word},)}
            job = insert_ended(
                Status.FAILED, 1, f"No {word}.", type=type_name, owner=owner, shared_with=shared_with, **texts
            )
            line = {"job_id": job.id, "attempt": 1, "at": now(), "level": "INFO", "text": word}
            with writing(doors.services.engine) as connection:
                connection.execute(insert(log_lines).values(line))
            update_metrics()
            opens = doors.expected(JobAction.OPEN, job)
            every = addresses(app, doors.services, job)
            pages = [address for address in every if word.encode() in doors.read(address)]
            assert bool(pages) is opens, (word, pages)
            assert (job.short_id in doors.client.get(f"/jobs?q={word}").text) is opens, word
            assert (word in exported(doors)) is opens, word
            doors.services.jobs.delete(job.id)


def exported(doors: Doors) -> str:
    payload = {"format": "jsonl", "with_notes": True, "types": list(TYPES)}
    job = doors.services.jobs.create_user_job("job_history_export", payload, doors.user.id)
    doors.services.run_inline(job.id)
    (file,) = doors.services.jobs.attachments(job.id)
    with doors.services.files.open(file.id) as content:
        return content.read().decode()


@every_user
def test_the_form_the_api_and_the_command_line_let_the_same_users_start_a_type(
    doors: Doors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parameters, "services", lambda: doors.services)
    for type_name in CLOSABLE:
        answer = doors.client.post(f"/jobs/new/{type_name}", data={"text": "a"})
        startable = type_name not in user_policy(doors.user, doors.services.registry).closed_types
        assert (answer.status_code == 303) is startable
        body = {"type": type_name, "payload": {"text": "a"}}
        assert (doors.program.post("/api/v1/jobs", json=body).status_code == 202) is startable
        assert (type_name in doors.client.get("/jobs/new").text) is startable
        try:
            owner = parameters.owner_of(doors.user.name, type_name)
            assert owner == Owner(user_id=doors.user.id, tenant=doors.user.tenant)
            assert startable
        except click.ClickException:
            assert not startable


def test_every_job_type_that_acts_on_behalf_of_its_owner_is_held_to_the_rights_of_its_owner(services: Services) -> None:
    acting = [kind for kind in services.registry if {Accounts, Jobs, JobQueries} & set(kind.needs.values())]
    assert {kind.name for kind in acting} == set(ACTING_TYPES | READING_TYPES)
    assert all(kind.acts_as_owner or kind.roles == {Role.ADMIN} for kind in acting if kind.name not in READING_TYPES)


def test_every_action_on_many_jobs_is_an_action_of_the_policy() -> None:
    assert {action.value for action in BulkAction} < {action.value for action in JobAction}
