"""One row per operation of the API: a request that succeeds, who may send it, and the audit line that it writes.

An operation without a row fails the test of the contract.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from tests.api.conftest import Objects
from tests.views.page.conftest import add_limits, add_webhook_rule
from webapp.accounts.audit_log import AuditAction
from webapp.jobs.model.job import Status

EVERYBODY = ("other", "owner", "tenant", "auditor", "operator", "admin")
OK, WHY, NONE = 2, 403, 404
Access = Mapping[str, int]


def _access(*answers: int) -> Access:
    return dict(zip(EVERYBODY, answers, strict=True))


PERSON = _access(OK, OK, OK, OK, OK, OK)
JOB = _access(NONE, OK, NONE, OK, OK, OK)  # a job of `owner`, to be read
ACT = _access(NONE, OK, NONE, WHY, OK, OK)  # on a job of `owner`
OPERATE_JOB = _access(NONE, WHY, NONE, WHY, OK, OK)
SYSTEM_JOB = _access(NONE, NONE, NONE, WHY, OK, OK)
SEE = _access(NONE, NONE, NONE, OK, OK, OK)  # the installation
RUN = _access(WHY, WHY, NONE, WHY, OK, OK)  # users have no token with the scope; a tenant's admin sees nothing of it
SYSTEM_RULE = _access(NONE, NONE, NONE, WHY, WHY, OK)
_RULE = {"name": "Failures", "topics": ["failed"], "channel": "webhook", "address": "https://example.org/hook"}
MANAGE = _access(WHY, WHY, NONE, WHY, WHY, OK)
RUN_SEEN = _access(NONE, NONE, NONE, WHY, OK, OK)  # whoever sees none is not told that there is one
MANAGE_SEEN = _access(NONE, NONE, NONE, WHY, WHY, OK)
TO_START = {"type": "job_history_export", "payload": {"format": "csv"}}
_FLOW = {"title": "Two exports", "jobs": [{**TO_START, "name": "b", "after": ["a"]}, {**TO_START, "name": "a"}]}
_SCHEDULE: Mapping[str, Any] = {
    "type": "job_history_export",
    "name": "Nightly",
    "rule": "0 3 * * *",
    "payload": {"format": "csv"},
}


@dataclass(frozen=True)
class Row:
    """``values`` makes the parts of the path; ``body``, or what it returns, is sent as JSON."""

    access: Access
    values: Callable[[Objects], Mapping[str, Any]] = lambda _: {}
    body: Any = None
    action: AuditAction | None = None
    query: Mapping[str, str] = field(default_factory=dict)


def _job(status: Status = Status.COMPLETED, **values: Any) -> Callable[[Objects], Mapping[str, Any]]:
    return lambda objects: {"job_id": objects.job(status, **values).id}


def _file(objects: Objects) -> Mapping[str, Any]:
    job, file_id = objects.file()
    return {"job_id": job.id, "file_id": file_id}


def _error(objects: Objects) -> Mapping[str, Any]:
    return {"fingerprint": objects.error()}


def _schedule(objects: Objects) -> Mapping[str, Any]:
    return {"schedule_id": objects.schedule()}


def _paused_schedule(objects: Objects) -> Mapping[str, Any]:
    schedules = objects.services.schedules
    return {"schedule_id": schedules.pause(schedules.get(objects.schedule()), reason="because").id}


def _new_schedule(objects: Objects) -> Mapping[str, Any]:
    return {**_SCHEDULE, "name": objects.name()}


def _user(objects: Objects) -> Mapping[str, Any]:
    return {"user_id": objects.user()}


def _limits(objects: Objects) -> Mapping[str, Any]:
    user = objects.services.accounts.get(objects.user())
    assert user
    return {"subject": add_limits(objects.services, user)}


def _group(objects: Objects) -> Mapping[str, Any]:
    return {"group_id": objects.group().id}


def _member(objects: Objects) -> Mapping[str, Any]:
    group, user_id = objects.group(), objects.user()
    objects.services.user_groups.add_member(group, user_id)
    return {"group_id": group.id, "user_id": user_id}


def _own_rule(objects: Objects) -> Mapping[str, Any]:
    return {"rule_id": add_webhook_rule(objects.services, objects.owner).id}


def _system_rule(objects: Objects) -> Mapping[str, Any]:
    return {"rule_id": add_webhook_rule(objects.services, None).id}


def _delivery(objects: Objects) -> Mapping[str, Any]:
    log = objects.services.delivery_log
    delivery_id = log.add_test(add_webhook_rule(objects.services, None))
    log.record_failure(delivery_id, "It did not arrive.", final=True)
    return {"delivery_id": delivery_id}


def _token(objects: Objects) -> Mapping[str, Any]:
    return {"token_id": objects.token()}


def _saved_filter(objects: Objects) -> Mapping[str, Any]:
    return {"filter_id": objects.saved_filter()}


def _worker(objects: Objects) -> Mapping[str, Any]:
    return {"name": objects.worker()}


def _webhook(objects: Objects) -> Mapping[str, Any]:
    return {"webhook_id": objects.webhook()}


def _new_webhook(objects: Objects) -> Mapping[str, Any]:
    return {"name": objects.name(), "type": "job_history_export", "account": objects.service_account()}


def _message(objects: Objects) -> Mapping[str, Any]:
    webhook_id, message_id = objects.refused_message()
    return {"webhook_id": webhook_id, "message_id": message_id}


def _with_an_old_key(objects: Objects) -> Mapping[str, Any]:
    objects.accept_an_old_key()
    return {}


_QUEUE: Callable[[Objects], Mapping[str, Any]] = lambda _: {"name": "default"}  # noqa: E731
_TYPE: Callable[[Objects], Mapping[str, Any]] = lambda _: {"type_name": "maintenance"}  # noqa: E731
_STARTABLE: Callable[[Objects], Mapping[str, Any]] = lambda _: {"type_name": "job_history_export"}  # noqa: E731
A = AuditAction
ROWS: Mapping[str, Row] = {
    "list_jobs": Row(PERSON),
    "create_job": Row(PERSON, body=TO_START, action=A.JOB_CREATE),
    "get_job": Row(JOB, _job()),
    "delete_job": Row(ACT, _job(), action=A.JOB_DELETE),
    "report_job": Row(ACT, _job(Status.QUEUED, record_only=True, queue=""), {"status": "running", "progress": 5}),
    "cancel_job": Row(ACT, _job(Status.QUEUED), action=A.JOB_STOP),
    "retry_job": Row(ACT, _job(Status.FAILED, attempt=1), action=A.JOB_RETRY),
    "run_again_job": Row(ACT, _job(), action=A.JOB_RUN_AGAIN),
    "keep_job": Row(ACT, _job(), action=A.JOB_KEEP),
    "keep_no_longer_job": Row(ACT, _job(), action=A.JOB_KEEP),
    "set_priority_job": Row(OPERATE_JOB, _job(Status.QUEUED), {"priority": 7}, A.JOB_PRIORITY),
    "edit_job": Row(ACT, _job(Status.QUEUED), {"tags": ["urgent"]}, A.JOB_EDIT),
    "share_job": Row(ACT, _job(), {"group": None}, A.JOB_SHARE),
    "set_tags_job": Row(ACT, _job(), {"tags": ["urgent"]}, A.JOB_TAGS),
    "run_next_job": Row(OPERATE_JOB, _job(Status.QUEUED), action=A.JOB_PRIORITY),
    "make_public_job": Row(SYSTEM_JOB, lambda o: {"job_id": o.system_job(public=False).id}, action=A.JOB_PUBLIC),
    "make_private_job": Row(SYSTEM_JOB, lambda o: {"job_id": o.system_job(public=False).id}, action=A.JOB_PUBLIC),
    "dry_run_job": Row(ACT, _job(), action=A.JOB_DRY_RUN),
    "list_approvals": Row(PERSON),
    "approve_job": Row(OPERATE_JOB, lambda o: {"job_id": o.to_approve().id}, {}, A.JOB_APPROVE),
    "reject_job": Row(OPERATE_JOB, lambda o: {"job_id": o.to_approve().id}, {"reason": "because"}, A.JOB_REJECT),
    "create_flow": Row(PERSON, body=_FLOW, action=A.FLOW_START),
    "list_flows": Row(PERSON),
    "get_flow": Row(JOB, lambda o: {"flow_id": o.flow().id}),
    "cancel_flow": Row(ACT, lambda o: {"flow_id": o.flow().id}, action=A.FLOW_STOP),
    "retry_flow": Row(ACT, lambda o: {"flow_id": o.stopped_flow().id}, action=A.FLOW_RETRY),
    "list_questions": Row(PERSON),
    "list_job_questions": Row(JOB, lambda o: {"job_id": o.question().job_id}),
    "answer_question_of_job": Row(
        ACT, lambda o: {"question_id": o.question().id}, {"answer": {"keep": True}}, A.JOB_ANSWER
    ),
    "list_files": Row(JOB, _job()),
    "download_file": Row(JOB, _file, action=A.FILE_DOWNLOAD),
    "read_log": Row(JOB, _job()),
    "list_job_events": Row(JOB, _job()),
    "list_attempts": Row(JOB, _job()),
    "list_steps": Row(JOB, _job()),
    "compare_jobs": Row(JOB, lambda o: {"job_id": o.job().id, "other_id": o.job().id}),
    "take_snapshot": Row(OPERATE_JOB, lambda o: {"job_id": o.hanging_job().id}, action=A.JOB_SNAPSHOT),
    "list_snapshots": Row(SEE, _job()),
    "list_children": Row(JOB, _job()),
    "act_on_jobs": Row(PERSON, body={"action": "stop", "filter": {"tab": "waiting"}}, action=A.JOBS_BULK),
    "list_filters": Row(PERSON),
    "save_filter": Row(PERSON, body={"name": "Failed", "filter": {"tab": "failed"}}),
    "change_filter": Row(_access(NONE, OK, NONE, NONE, NONE, NONE), _saved_filter, {"shared": False}),
    "delete_filter": Row(_access(NONE, OK, NONE, NONE, NONE, OK), _saved_filter),
    "list_presets": Row(PERSON, _STARTABLE),
    "save_preset": Row(PERSON, _STARTABLE, {"name": "Sheets", "values": {"format": "csv"}}),
    "delete_preset": Row(_access(NONE, OK, NONE, NONE, NONE, OK), lambda objects: {"preset_id": objects.preset().id}),
    "follow_events": Row(PERSON, query={"after": "0"}),
    "list_types": Row(PERSON),
    "get_type": Row(_access(NONE, NONE, OK, OK, OK, OK), _TYPE),
    "disable_type": Row(MANAGE, _TYPE, {"reason": "because"}, A.TYPE_DISABLE),
    "enable_type": Row(MANAGE, _TYPE, action=A.TYPE_ENABLE),
    "list_schedules": Row(PERSON),
    "create_schedule": Row(PERSON, body=_new_schedule, action=A.SCHEDULE_ADD),
    "get_schedule": Row(SEE, _schedule),
    "list_schedule_runs": Row(SEE, _schedule),
    "change_schedule": Row(MANAGE_SEEN, _schedule, {"rule": "0 4 * * *"}, A.SCHEDULE_CHANGE),
    "delete_schedule": Row(MANAGE_SEEN, _schedule, action=A.SCHEDULE_REMOVE),
    "pause_schedule": Row(RUN_SEEN, _schedule, {"reason": "because"}, A.SCHEDULE_PAUSE),
    "resume_schedule": Row(RUN_SEEN, _paused_schedule, action=A.SCHEDULE_RESUME),
    "run_schedule": Row(RUN_SEEN, _schedule, action=A.SCHEDULE_RUN),
    "get_own_budget": Row(PERSON),
    "list_budgets": Row(SEE),
    "get_limits": Row(SEE, _limits),
    "set_limits": Row(MANAGE, _limits, {"jobs": 500}, A.BUDGET_SET),
    "remove_limits": Row(MANAGE, _limits, action=A.BUDGET_CLEAR),
    "list_queues": Row(SEE),
    "add_queue": Row(RUN, body=lambda _: {"name": uuid4().hex}, action=A.QUEUE_ADD),
    "get_queue": Row(SEE, _QUEUE),
    "remove_queue": Row(RUN, lambda objects: {"name": objects.queue()}, action=A.QUEUE_REMOVE),
    "pause_queue": Row(RUN, _QUEUE, {"reason": "because"}, A.QUEUE_PAUSE),
    "resume_queue": Row(RUN, _QUEUE, action=A.QUEUE_RESUME),
    "limit_queue": Row(RUN, _QUEUE, {"max_running": 3}, A.QUEUE_LIMIT),
    "empty_queue": Row(RUN, _QUEUE, action=A.QUEUE_EMPTY),
    "get_pause": Row(SEE),
    "pause_everything": Row(RUN, body={"reason": "because"}, action=A.EVERYTHING_PAUSE),
    "resume_everything": Row(RUN, action=A.EVERYTHING_RESUME),
    "list_workers": Row(SEE),
    "drain_worker": Row(RUN, _worker, action=A.WORKER_DRAIN),
    "stop_worker": Row(RUN, _worker, action=A.WORKER_STOP),
    "list_errors": Row(SEE),
    "get_error": Row(SEE, _error),
    "resolve_error": Row(RUN, _error, action=A.ERROR_RESOLVE),
    "ignore_error": Row(RUN, _error, action=A.ERROR_IGNORE),
    "reopen_error": Row(RUN, _error, action=A.ERROR_REOPEN),
    "retry_error": Row(RUN, _error, action=A.ERROR_RETRY),
    "get_account": Row(PERSON),
    "list_users": Row(SEE),
    "create_user": Row(MANAGE, body={"name": "newcomer"}, action=A.USER_ADD),
    "get_user": Row(SEE, _user),
    "change_role": Row(MANAGE, _user, {"role": "operator"}, A.USER_ROLE),
    "disable_user": Row(MANAGE, _user, action=A.USER_DISABLE),
    "enable_user": Row(MANAGE, _user, action=A.USER_ENABLE),
    "set_password": Row(MANAGE, _user, action=A.USER_PASSWORD),
    "remove_second_factor": Row(MANAGE, _user, action=A.FACTOR_OFF),
    "list_groups": Row(SEE),
    "create_group": Row(MANAGE, body={"name": "Finance"}, action=A.GROUP_ADD),
    "get_group": Row(SEE, _group),
    "delete_group": Row(MANAGE, _group, action=A.GROUP_REMOVE),
    "set_group_types": Row(MANAGE, _group, {"types": ["dataset_report"]}, A.GROUP_TYPES),
    "list_members": Row(SEE, _group),
    "add_member": Row(MANAGE, _group, {"user": "owner"}, A.MEMBER_ADD),
    "remove_member": Row(MANAGE, _member, action=A.MEMBER_REMOVE),
    "list_rules": Row(PERSON),
    "create_rule": Row(PERSON, body=_RULE, action=A.RULE_ADD),
    "get_rule": Row(_access(NONE, OK, NONE, NONE, NONE, NONE), _own_rule),
    "change_rule": Row(SYSTEM_RULE, _system_rule, {"name": "New"}, A.RULE_CHANGE),
    "delete_rule": Row(SYSTEM_RULE, _system_rule, action=A.RULE_REMOVE),
    "test_rule": Row(SYSTEM_RULE, _system_rule, action=A.RULE_TEST),
    "list_deliveries": Row(PERSON),
    "get_delivery": Row(_access(NONE, NONE, NONE, OK, OK, OK), _delivery),
    "send_again": Row(SYSTEM_RULE, _delivery, action=A.MESSAGE_REDELIVER),
    "list_tokens": Row(PERSON),
    "create_token": Row(MANAGE, body=lambda o: {"name": "nightly", "user": o.service_account()}, action=A.TOKEN_ADD),
    "revoke_token": Row(_access(NONE, OK, NONE, WHY, WHY, OK), _token, action=A.TOKEN_REVOKE),
    "list_webhooks": Row(SEE),
    "create_webhook": Row(MANAGE, body=_new_webhook, action=A.WEBHOOK_ADD),
    "get_webhook": Row(SEE, _webhook),
    "delete_webhook": Row(MANAGE, _webhook, action=A.WEBHOOK_REMOVE),
    "rotate_webhook": Row(MANAGE, _webhook, {"overlap_hours": 1}, A.WEBHOOK_ROTATE),
    "disable_webhook": Row(MANAGE, _webhook, action=A.WEBHOOK_DISABLE),
    "enable_webhook": Row(MANAGE, _webhook, action=A.WEBHOOK_ENABLE),
    "list_messages": Row(SEE, _webhook),
    "get_message": Row(SEE, _message),
    "retry_message": Row(MANAGE, _message, action=A.WEBHOOK_RETRY),
    "get_secret_key": Row(MANAGE),
    "rotate_secret_key": Row(MANAGE, _with_an_old_key, action=A.SETTINGS_CHANGE),
    "forget_secret_keys": Row(MANAGE, _with_an_old_key, {"now": True}, A.SETTINGS_CHANGE),
    "get_stats": Row(SEE),
}
_OWN_CHOICE = "a choice of one's own, which changes nothing for jobs"
UNAUDITED = {
    **dict.fromkeys(("save_filter", "change_filter", "delete_filter", "save_preset", "delete_preset"), _OWN_CHOICE),
    "report_job": "progress is not an action of a person; the events of the job have its end",
}
