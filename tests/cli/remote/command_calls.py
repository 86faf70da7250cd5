"""One row per command that works over the API: the words with which it is called, on objects of its own.

A command without a row fails the test, unless it works on the machine of the installation only.
"""

from collections.abc import Callable, Mapping, Sequence
from uuid import UUID

from sqlalchemy import insert

from tests.api.conftest import Objects
from tests.asked_jobs import asked_job
from tests.views.page.conftest import add_limits, add_step, add_webhook_rule
from webapp.db.engine import writing
from webapp.jobs.model.job import Owner, Status
from webapp.schema import attempts, now

Words = Sequence[object]
QUICK = "job_history_export"
_BOTH = ("", "--json")


def _job(*words: object, status: Status = Status.COMPLETED, **values: object) -> Callable[[Objects], Words]:
    return lambda objects: (*words, objects.job(status, **values).id)


def _root(objects: Objects) -> object:
    root = objects.job(Status.WAITING, parts=1, type="maintenance")
    objects.job(root_id=root.id, type="maintenance")
    return root.id


def _child(objects: Objects) -> object:
    return objects.job(root_id=objects.job(Status.WAITING, parts=1, type="maintenance").id, type="maintenance").id


def _with_log(objects: Objects) -> object:
    job = objects.job(errors=({"text": "It broke.", "at": "2026-01-01T00:00:00+00:00"},), type="maintenance")
    objects.write_log(job, "one", "two")
    return job.id


def _schedule(*words: object) -> Callable[[Objects], Words]:
    return lambda objects: (*words, objects.schedule())


def _paused_schedule(objects: Objects) -> object:
    schedules = objects.services.schedules
    return schedules.pause(schedules.get(objects.schedule()), reason="because").id


def _with_limits(*words: object) -> Callable[[Objects], Words]:
    """Turn budgets on first."""

    def call(objects: Objects) -> Words:
        add_limits(objects.services, objects.services.accounts.by_name("root"))  # type: ignore[arg-type]
        return words

    return call


def _user(objects: Objects) -> str:
    return objects.services.accounts.get(objects.user()).name  # type: ignore[union-attr]


def _group(objects: Objects, *members: str) -> str:
    group = objects.group()
    for name in members:
        objects.services.user_groups.add_member(group, objects.services.accounts.by_name(name).id)  # type: ignore[union-attr]
    return group.name


def _retriable(**values: object) -> Callable[[Objects], Words]:
    return lambda objects: ("retry", objects.job(Status.FAILED, attempt=1, **values).id)


def _stopped(objects: Objects) -> object:
    return objects.services.jobs.cancel(objects.job(Status.QUEUED).id).id


def _with_attempt(objects: Objects) -> object:
    job = objects.job(Status.FAILED, attempt=1)
    with writing(objects.services.engine) as connection:
        ended = {"number": 1, "outcome": "failed", "worker": "w", "host": "h", "pid": 1, "error": "It broke."}
        times = {"started_at": now(), "finished_at": now()}
        connection.execute(insert(attempts).values(job_id=job.id, **ended, **times))
    return job.id


def _with_steps(objects: Objects) -> object:
    job = objects.job(Status.FAILED, attempt=1, type="maintenance", payload={})
    add_step(objects.services, job, "fetch", 1, {"rows": 3})
    return add_step(objects.services, job, "check", 2).id


def _two_runs(objects: Objects) -> Words:
    """Jobs that have not started, because their times would differ from call to call."""
    return [objects.job(Status.QUEUED, message=words).id for words in ("one", "two")]


def _hung(objects: Objects) -> object:
    job, snapshots = objects.hanging_job(), objects.services.process_snapshots
    requested = snapshots.request(job)
    facts = {"state": "sleeping", "memory": 7 * 2**20, "cpu_seconds": 1.5, "files": ["/a"], "connections": []}
    threads = [{"name": "MainThread", "stack": '  File "a.py", line 1, in f'}]
    content = {"pid": 7, **facts, "children": [], "threads": threads}
    snapshots.fill_in(requested.id, requested.worker, content)
    return job.id


def _error_type(objects: Objects) -> str:
    objects.error()
    return "maintenance"


_FOR = ("--type", "job_history_export", "--as")
_HOOK = ("--on", "failed", "--webhook", "https://example.org/hook")


def _rule(objects: Objects) -> object:
    return add_webhook_rule(objects.services, None).id


def _message(objects: Objects) -> object:
    log = objects.services.delivery_log
    delivery_id = log.add_test(add_webhook_rule(objects.services, None))
    log.record_failure(delivery_id, "It did not arrive.", final=True)
    return delivery_id


def _queue_with_a_job(objects: Objects) -> str:
    name = objects.queue()
    objects.job(Status.QUEUED, queue=name)
    return name


def _with_an_old_key(objects: Objects) -> Words:
    objects.accept_an_old_key()
    return ()


def _asked(objects: Objects) -> Words:
    """Let one job wait for approval, for both commands."""
    if not objects.made:
        objects.made.append(objects.to_approve())
    return ()


def _question(objects: Objects) -> Words:
    """Let one job wait for an answer, for both commands."""
    if not objects.asked:
        objects.asked.append(asked_job(objects.services))
    return ()


CALLS: Mapping[str, Sequence[Callable[[Objects], Words]]] = {
    "job types": [lambda _: (), lambda _: ("--json",)],
    "job list": [
        lambda _: (),
        lambda _: ("--json", "--limit", 3),
        lambda _: ("--status", "failed", "--status", "stale"),
        lambda objects: ("--filter", objects.named_filter()),
        lambda _: ("--owner", "ana", "--type", "maintenance"),
        lambda _: ("--owner", "nobody"),
        lambda _: ("--warned",),
        lambda _: ("--tag", "urgent"),
    ],
    "job show": [
        lambda objects: (_with_log(objects),),
        lambda objects: (_with_log(objects), "--json"),
        lambda objects: (objects.job().short_id,),
        lambda _: ("00000000-0000-0000-0000-000000000000",),
        lambda _: ("ffffffff",),
        lambda _: ("x",),
    ],
    "job children": [lambda objects: (_root(objects),), lambda objects: (_root(objects), "--json")],
    "job start": [
        lambda _: (QUICK, "--as", "root"),
        lambda _: (QUICK, "--as", "root", "--json", "--payload", '{"format": "csv"}', "--priority", 5, "--delay", "1h"),
        lambda objects: (QUICK, "--as", "root", "--after", objects.job().id, "--at", "2099-01-01T12:00"),
        lambda objects: (QUICK, "--as", "root", "--preset", objects.preset().name),
        lambda _: (QUICK, "--as", "root", "--preset", "unknown"),
        lambda _: (QUICK, "--as", "root", "--json", "--tags", "urgent,Month  end"),
        lambda objects: ("maintenance", "--as", "root", "--share-with", _group(objects), "--json"),
        lambda objects: (QUICK, "--as", "root", "--share-with", _group(objects)),
        lambda _: ("maintenance", "--as", "root", "--share-with", "Nobody"),
        lambda _: ("nothing", "--as", "root"),
        lambda _: (QUICK, "--as", "root", "--payload", '{"format": "stone", "x": 1}'),
        lambda _: (QUICK, "--as", "root", "--queue", "nowhere"),
        lambda _: ("dataset_report", "--as", "root"),
        lambda _: ("maintenance", "--as", "root", "--file", "file=/nowhere"),
    ],
    "job run": [_job("--debug", type=QUICK)],
    "job log": [lambda objects: (_with_log(objects),), lambda objects: (_with_log(objects), "--json", "--follow")],
    "job files": [lambda objects: (objects.file()[0].id,), lambda objects: (objects.file()[0].id, "--json")],
    "job cancel": [
        _job(status=Status.QUEUED),
        _job("--json", status=Status.QUEUED),
        _job(),
        lambda objects: (objects.job(Status.QUEUED).id, objects.job().id, objects.job(Status.QUEUED).id),
    ],
    "job retry": [
        lambda objects: (objects.job(Status.FAILED, attempt=1, type="maintenance").id,),
        lambda _: ("--all-failed", "--since", "1h"),
        lambda _: ("--all-failed", "--json"),
        lambda _: (),
        _job(),
        lambda objects: (_key_holder(objects),),
    ],
    "job run-again": [
        _job(type="maintenance", payload={}),
        _job("--json", type="maintenance", payload={}),
        lambda objects: ("--from-step", "check", _with_steps(objects)),
        lambda objects: ("--from-step", "store", _with_steps(objects)),
    ],
    "job delete": [_job(), _job("--json"), _job(status=Status.QUEUED)],
    "job priority": [
        lambda objects: (objects.job(Status.QUEUED).id, 7),
        lambda objects: (objects.job(Status.QUEUED).id, 7, "--json"),
        lambda objects: (objects.job().id, 7),
    ],
    "job edit": [
        lambda objects: (objects.job(Status.QUEUED).id, "--priority", 7, "--tags", "a,b", "--json"),
        lambda objects: (objects.job(Status.QUEUED).id, "--at", "2099-01-01T12:00", "--json"),
        lambda objects: (objects.job(Status.QUEUED).id,),
        lambda objects: (objects.job().id, "--priority", 7),
    ],
    "job tags": [
        lambda objects: (objects.job().id, "--set", "urgent,b", "--json"),
        lambda objects: (objects.job(tags=("a", "b")).id, "--add", "c", "--remove", "a", "--json"),
        lambda objects: (objects.job().id,),
    ],
    "job share": [
        lambda objects: ("--with", _group(objects), objects.job(type="maintenance").id, _root(objects), "--json"),
        lambda objects: ("--with", "Nobody", objects.job(type="maintenance").id),
        lambda objects: ("--with", _group(objects), _child(objects)),
    ],
    "job unshare": [_job(), _job("--json")],
    "job run-next": [_job(status=Status.QUEUED), _job("--json", status=Status.QUEUED), _job()],
    "job keep": [_job(), lambda objects: (_root(objects), objects.job().id, "--json")],
    "job keep-no-longer": [_job(), _job("--json")],
    "job make-public": [lambda objects: (objects.system_job(public=False).id,), _job()],
    "job make-private": [lambda objects: (objects.system_job(public=True).id, "--json")],
    "job approvals": [lambda _: ("--as", "root"), lambda objects: ("--as", "root", "--json", *_asked(objects))],
    "job approve": [
        lambda objects: (objects.to_approve().id, "--as", "root"),
        lambda objects: (objects.to_approve().id, "--as", "root", "--json"),
        lambda objects: (objects.to_approve().id, "--as", "root", "--version", 7),
        lambda objects: (objects.job().id, "--as", "root"),
    ],
    "job reject": [
        lambda objects: (objects.to_approve().id, "--as", "root", "--reason", "The wrong month"),
        lambda objects: (objects.to_approve().id, "--as", "root", "--reason", " "),
    ],
    "flows start": [
        lambda _: ("-", "--as", "root"),
        lambda _: ("-", "--as", "root", "--json"),
        lambda _: ("/nowhere", "--as", "root"),
    ],
    "flows list": [
        lambda objects: ("--limit", len([objects.flow()])),
        lambda objects: ("--json", "--limit", len([objects.stopped_flow()])),
    ],
    "flows show": [
        lambda objects: (objects.flow().id,),
        lambda objects: (objects.flow().id, "--json"),
        lambda _: (UUID(int=0),),
    ],
    "flows cancel": [lambda objects: (objects.flow().id,), lambda objects: (objects.stopped_flow().id,)],
    "flows retry": [lambda objects: (objects.stopped_flow().id, "--json"), lambda objects: (objects.flow().id,)],
    "job questions": [
        lambda objects: ("--as", "root", *_question(objects)),
        lambda objects: ("--as", "root", "--json", *_question(objects)),
    ],
    "job answer": [
        lambda objects: (objects.question().job_id, "--as", "root", "--answer", '{"keep": true}'),
        lambda objects: (objects.question().job_id, "--as", "root", "--answer", '{"keep": true}', "--json"),
        lambda objects: (objects.question().job_id, "--as", "root", "--answer", '{"kept": true}'),
        lambda objects: (objects.job().id, "--as", "root", "--answer", '{"keep": true}'),
    ],
    "job stack": [
        lambda objects: ("--last", _hung(objects)),
        lambda objects: ("--last", "--json", _hung(objects)),
        lambda objects: ("--last", objects.job().id),
        lambda objects: (objects.job().id,),
    ],
    "job events": [lambda objects: (_stopped(objects),), lambda objects: (_stopped(objects), "--json")],
    "job compare": [
        _two_runs,
        lambda objects: (*_two_runs(objects), "--all", "--json"),
    ],
    "job steps": [lambda objects: (_with_steps(objects),), lambda objects: (_with_steps(objects), "--json")],
    "job attempts": [lambda objects: (_with_attempt(objects),), lambda objects: (_with_attempt(objects), "--json")],
    "error list": [
        lambda objects: ("--limit", 1, "--type", _error_type(objects)),
        lambda objects: ("--state", "all", "--json", "--limit", 1, "--type", _error_type(objects)),
        lambda _: ("--state", "ignored"),
    ],
    "error show": [lambda objects: (objects.error(),), lambda objects: (objects.error(), "--json"), lambda _: ("x",)],
    "error resolve": [lambda objects: (objects.error(),), lambda objects: (objects.error(), "--json")],
    "error ignore": [lambda objects: (objects.error(),), lambda _: ("nothing",)],
    "error reopen": [lambda objects: (objects.error(), "--json")],
    "error retry": [
        lambda objects: (objects.error(), "--yes"),
        lambda objects: (objects.error(), "--yes", "--json"),
        lambda _: ("nothing", "--yes"),
    ],
    "budget list": [_with_limits(), _with_limits("--json")],
    "budget show": [_with_limits("root"), lambda _: ("root", "--json"), lambda _: ("nobody",)],
    "budget set": [
        _with_limits("root", "--jobs", 500, "--json"),
        _with_limits("--role", "operator", "--cpu-seconds", 60),
        _with_limits("root", "--jobs", 0),
        lambda _: ("root",),
        lambda _: ("nobody", "--jobs", 5),
        lambda _: ("root", "--role", "user", "--jobs", 5),
    ],
    "budget clear": [_with_limits("root"), lambda _: ("--role", "user"), lambda _: ()],
    "schedule list": [lambda _: (), lambda _: ("--json",)],
    "schedule show": [_schedule(), _schedule("--json"), lambda _: ("nothing",)],
    "schedule add": [
        lambda objects: (objects.name(), "maintenance", "--rule", "0 3 * * *", "--json"),
        lambda objects: (objects.name(), "maintenance", "--rule", "0 3 * * *", "--as", "root", "--priority", 3),
        lambda objects: (objects.name(), QUICK, "--rule", "0 4 * * *", "--payload", '{"format": "stone"}'),
        lambda objects: (objects.name(), QUICK, "--rule", "bad"),
        lambda objects: (objects.name(), QUICK, "--rule", "0 3 * * *", "--zone", "Nowhere"),
        lambda objects: (objects.name(), "nothing", "--rule", "0 3 * * *"),
        lambda objects: (objects.name(), QUICK, "--rule", "0 3 * * *", "--as", "nobody"),
    ],
    "schedule edit": [
        lambda objects: (objects.schedule(), "--rule", "0 5 * * *", "--queue", "default", "--any-number", "--json"),
        lambda objects: (objects.schedule(), "--queue", "none", "--missed", "skip"),
        lambda objects: (objects.schedule(), "--rule", "x"),
    ],
    "schedule pause": [_schedule("--reason", "because"), _schedule("--json")],
    "schedule resume": [
        lambda objects: (_paused_schedule(objects),),
        lambda objects: (_paused_schedule(objects), "--json"),
    ],
    "schedule run-now": [_schedule(), _schedule("--json")],
    "schedule remove": [_schedule(), _schedule("--json")],
    "queue list": [lambda _: (), lambda _: ("--json",)],
    "queue add": [
        lambda objects: (objects.name(),),
        lambda objects: (objects.name(), "--json"),
        lambda _: ("a,b",),
    ],
    "queue pause": [
        lambda objects: (objects.queue(), "--reason", "because"),
        lambda objects: (objects.queue(), "--json"),
        lambda _: ("nothing",),
    ],
    "queue resume": [lambda objects: (objects.queue(),), lambda objects: (objects.queue(), "--json")],
    "pause": [lambda _: ("--reason", "because"), lambda _: ("--json",), lambda _: ("--reason", "x" * 201)],
    "resume": [lambda _: (), lambda _: ("--json",)],
    "queue limit": [
        lambda objects: (objects.queue(), 3),
        lambda objects: (objects.queue(), "none", "--json"),
        lambda _: ("nothing", 3),
    ],
    "queue empty": [
        lambda objects: (_queue_with_a_job(objects), "--yes"),
        lambda objects: (_queue_with_a_job(objects), "--yes", "--json"),
        lambda _: ("nothing", "--yes"),
    ],
    "queue remove": [
        lambda objects: (objects.queue(),),
        lambda _: ("default",),
        lambda _: ("nothing",),
    ],
    "worker list": [lambda _: (), lambda _: ("--json",)],
    "worker stop": [
        lambda objects: (objects.worker(),),
        lambda objects: (objects.worker(), "--now", "--json"),
        lambda _: ("nothing",),
    ],
    "type list": [lambda _: (), lambda _: ("--json",)],
    "type disable": [lambda _: ("maintenance", "--reason", "because", "--json"), lambda _: ("nothing",)],
    "type enable": [lambda _: ("maintenance",), lambda _: ("maintenance", "--json"), lambda _: ("nothing",)],
    "user list": [lambda _: (), lambda _: ("--json", "--search", "ana")],
    "user add": [
        lambda objects: (objects.name(), "--role", "operator"),
        lambda objects: (objects.name(), "--full-name", "A B", "--email", "a@example.org", "--json"),
        lambda objects: (objects.name(), "--service", "--json"),
        lambda _: ("ana",),
        lambda _: ("a b",),
        lambda objects: (objects.name(), "--password-stdin"),
    ],
    "user role": [lambda objects: (_user(objects), "operator", "--json"), lambda _: ("nobody", "operator")],
    "user disable": [lambda objects: (_user(objects),), lambda _: ("root",)],
    "user enable": [lambda objects: (_user(objects),), lambda objects: (_user(objects), "--json")],
    "user remove-second-factor": [lambda objects: (_user(objects), "--json"), lambda _: ("nobody",)],
    "group list": [lambda _: (), lambda _: ("--json",)],
    "group show": [lambda objects: (_group(objects, "ana"),), lambda objects: (_group(objects, "ana"), "--json")],
    "group add": [
        lambda objects: (objects.name(), "--description", "Who closes the books", "--json"),
        lambda objects: (_group(objects),),
        lambda _: (" ",),
    ],
    "group remove": [lambda objects: (_group(objects),), lambda _: ("Nobody",)],
    "group types": [
        lambda objects: (_group(objects), "dataset_report", "--json"),
        lambda objects: (_group(objects),),
        lambda objects: (_group(objects), "nothing"),
    ],
    "group add-member": [
        lambda objects: (_group(objects), "ana", "--json"),
        lambda objects: (_group(objects), "nobody"),
        lambda _: ("Nobody", "ana"),
    ],
    "group remove-member": [
        lambda objects: (_group(objects, "ana"), "ana", "--json"),
        lambda objects: (_group(objects), "ana"),
    ],
    "user password": [
        lambda objects: (_user(objects),),
        lambda objects: (_user(objects), "--json"),
        lambda objects: (_user(objects), "--password-stdin"),
        lambda objects: (objects.service_account(),),
    ],
    "notifications list": [
        lambda _: ("--json",),
        lambda _: (),
        lambda _: ("--as", "root"),
        lambda _: ("--as", "nobody"),
    ],
    "notifications add": [
        lambda objects: (objects.name(), *_HOOK, "--json"),
        lambda objects: (objects.name(), *_HOOK, "--as", "root", "--quiet", "22:00-07:00"),
        lambda _: ("x", "--on", "failed", "--webhook", "https://10.0.0.1/"),
        lambda _: ("x", "--on", "failed"),
    ],
    "notifications edit": [
        lambda objects: (_rule(objects), "--name", "New", "--on", "finished", "--quiet", "22:00-07:00", "--json"),
        lambda objects: (_rule(objects), "--owner", "ana", "--type", "maintenance", "--queue", "none"),
        lambda objects: (_rule(objects), "--tag", "Urgent", "--json"),
        lambda objects: (_rule(objects), "--on", "runs_long", "--longer-than", "2h"),
        lambda objects: (_rule(objects), "--webhook", "https://10.0.0.1/"),
        lambda objects: (_rule(objects), "--mail", "a@example.org"),
        lambda objects: (_rule(objects),),
        lambda _: ("nothing", "--name", "New"),
    ],
    "notifications switch": [
        lambda objects: (_rule(objects), "on", "--json"),
        lambda objects: (_rule(objects), "off"),
        lambda _: ("nothing", "on"),
    ],
    "notifications remove": [lambda objects: (_rule(objects),), lambda _: (UUID(int=0),)],
    "notifications test": [lambda objects: (_rule(objects),), lambda objects: (_rule(objects), "--json")],
    "notifications log": [
        lambda objects: (_message(objects) and "--json", "--limit", 1),
        lambda _: ("--status", "failed", "--limit", 2),
        lambda _: ("--as", "root"),
    ],
    "notifications send-again": [
        lambda objects: (_message(objects),),
        lambda objects: (_message(objects), "--json"),
        lambda _: (UUID(int=0),),
    ],
    "webhook add": [
        lambda objects: (objects.name(), *_FOR, objects.service_account(), "--json"),
        lambda objects: (objects.name(), *_FOR, objects.service_account(), "--mapping", '{"format": {"value": "csv"}}'),
        lambda objects: (objects.name(), *_FOR, "nobody", "--scheme", "header", "--header", "a b"),
        lambda objects: (objects.name(), *_FOR, objects.service_account(), "--mapping", "{"),
    ],
    "webhook list": [lambda _: (), lambda _: ("--json",)],
    "webhook rotate": [
        lambda objects: (objects.webhook(), "--overlap", 0, "--json"),
        lambda objects: (objects.webhook(),),
        lambda _: ("nothing",),
    ],
    "webhook disable": [lambda objects: (objects.webhook(),), lambda objects: (objects.webhook(), "--json")],
    "webhook enable": [lambda objects: (objects.webhook(), "--json"), lambda _: ("nothing",)],
    "webhook delete": [lambda objects: (objects.webhook(),), lambda _: ("nothing",)],
    "webhook log": [
        lambda objects: (objects.refused_message()[0],),
        lambda objects: (objects.refused_message()[0], "--json", "--limit", 5),
    ],
    "webhook retry": [
        lambda objects: objects.refused_message(),
        lambda objects: (*objects.refused_message('{"format": "csv"}'), "--json"),
        lambda objects: (objects.webhook(), 1),
    ],
    "secrets status": [lambda _: (), lambda _: ("--json",)],
    "secrets rotate": [lambda _: (), _with_an_old_key],
    "secrets forget": [lambda objects: (*_with_an_old_key(objects), "--now"), _with_an_old_key],
    "token list": [lambda _: (), lambda _: ("--json", "--as", "ana"), lambda _: ("--as", "nobody")],
    "token add": [
        lambda objects: (objects.name(), "--as", objects.service_account(), "--json"),
        lambda objects: (objects.name(), "--as", objects.service_account(), "--expires", "never"),
        lambda objects: (objects.name(), "--as", objects.service_account(), "--scope", "admin"),
        lambda _: ("x", "--as", "nobody"),
    ],
    "token revoke": [
        lambda objects: (objects.token(),),
        lambda objects: (objects.token(), "--json"),
        lambda _: ("nothing",),
    ],
}
_FLOW = """{"title": "Two", "jobs": [
    {"type": "job_history_export", "payload": {"format": "csv"}, "name": "b", "after": ["a"]},
    {"type": "job_history_export", "payload": {"format": "csv"}, "name": "a"}
]}"""
STDIN = {"flows start": _FLOW, "user add": "a long password 1\n", "user password": "short\n"}


def _key_holder(objects: Objects) -> object:
    key = objects.name()
    objects.job(Status.QUEUED, unique_key=key, type="maintenance")
    return objects.job(Status.FAILED, unique_key=key, attempt=1, type="maintenance", owner=Owner()).id
