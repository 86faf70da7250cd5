"""The access rules: one line per route and method of the whole application.

A route without a rule fails the test of the matrix.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from webapp.accounts.audit_log import AuditAction
from webapp.accounts.user import Role


class Answer(StrEnum):
    """How a request is answered, as far as permissions decide it."""

    IN = "in"  # done, or refused because of its form
    WHY = "why"  # 403, with the reason
    NONE = "none"  # 404: it does not exist for this user
    LOGIN = "login"  # redirected to the sign-in page


IN, WHY, NONE, LOGIN = Answer
EVERYBODY = ("nobody", "disabled", "other", "owner", "tenant", "auditor", "operator", "admin")
Access = Mapping[str, Answer]


def _access(*answers: Answer) -> Access:
    return dict(zip(EVERYBODY, answers, strict=True))


OPEN = _access(IN, IN, IN, IN, IN, IN, IN, IN)
PERSON = _access(LOGIN, LOGIN, IN, IN, IN, IN, IN, IN)
OTHERS = _access(LOGIN, LOGIN, NONE, NONE, NONE, NONE, NONE, NONE)  # a private object of another user
OWNED = _access(LOGIN, LOGIN, NONE, IN, NONE, NONE, NONE, NONE)  # a private object of `owner`
ACT = _access(LOGIN, LOGIN, NONE, IN, NONE, WHY, IN, IN)  # on a job of `owner`
JOB = _access(LOGIN, LOGIN, NONE, IN, NONE, IN, IN, IN)  # a job of `owner`, to be read
SEE = _access(LOGIN, LOGIN, NONE, NONE, NONE, IN, IN, IN)  # the installation
RUN = _access(LOGIN, LOGIN, NONE, NONE, NONE, WHY, IN, IN)
APPROVE = _access(LOGIN, LOGIN, NONE, WHY, NONE, WHY, WHY, WHY)  # a job of a type that needs none; see test_approvals
MANAGE = _access(LOGIN, LOGIN, NONE, NONE, NONE, WHY, WHY, IN)
OWN_RULE = OWNED  # of nobody else, whatever their role


@dataclass(frozen=True)
class Route:
    """The access rule of a route, the form that a change sends, and the audit line that the change writes."""

    access: Access
    form: Mapping[str, str] = field(default_factory=dict)
    action: AuditAction | None = None
    as_whom: str = "admin"


OWN = {"own_password": "plain tests are calm tests"}
_RULE = {"name": "Failures", "topic": "failed", "channel": "webhook", "address": "https://example.org/hook"}
_TOKEN = {"name": "nightly", "scope": "read", "lifetime": "90"}
_WEBHOOK = {"name": "orders", "type": "job_history_export", "account": "robot", "scheme": "standard"}
_NEW = "rivers under seven bridges"
_NEW_PASSWORD = {**OWN, "password": _NEW, "repeated": _NEW}
_CHANGED = {"old": OWN["own_password"], "new": _NEW, "again": _NEW}
_SCHEDULE = {
    "schedule-name": "Nightly",
    "schedule-rule": "0 3 * * *",
    "schedule-zone": "UTC",
    "schedule-missed": "once",
    "schedule-whose": "public",
    "format": "csv",
}
_OWN_SCHEDULE = {**_SCHEDULE, "schedule-name": "My own"}
ROUTES: Mapping[tuple[str, str], Route] = {
    ("static", "GET"): Route(OPEN),
    ("health.healthz", "GET"): Route(OPEN),
    ("health.readyz", "GET"): Route(OPEN),
    ("health.one_part", "GET"): Route(OPEN),
    ("metrics.show", "GET"): Route(OPEN),  # from this address; tests/views/metrics/ has the rule
    ("auth.login", "GET"): Route(OPEN),
    ("auth.login", "POST"): Route(OPEN, {"name": "admin", "password": OWN["own_password"]}, AuditAction.SIGN_IN),
    ("sign_on.begin", "GET"): Route(_access(*[NONE] * 8)),  # without a provider; see test_sign_on.py
    ("sign_on.finish", "GET"): Route(_access(*[NONE] * 8)),
    ("sign_on.by_proxy", "GET"): Route(_access(*[NONE] * 8)),
    ("second_factor.ask", "GET"): Route(_access(*[LOGIN] * 8)),  # only after a right password
    ("second_factor.ask", "POST"): Route(_access(IN, *[LOGIN] * 7)),  # 400: nobody sends no token against forgery
    ("second_factor.show", "GET"): Route(PERSON),
    ("second_factor.switch_on", "POST"): Route(PERSON),
    ("second_factor.remove", "POST"): Route(PERSON, OWN, AuditAction.FACTOR_OFF, "other"),
    ("second_factor.mark_removal_seen", "POST"): Route(PERSON),
    ("auth.logout", "POST"): Route(PERSON, {}, AuditAction.SIGN_OUT),
    ("new_password.choose", "GET"): Route(PERSON),
    ("new_password.choose", "POST"): Route(
        PERSON,
        _NEW_PASSWORD,
        AuditAction.USER_PASSWORD,
        "other",
    ),
    ("jobs.home", "GET"): Route(PERSON),
    ("jobs.index", "GET"): Route(PERSON),
    ("jobs.live", "GET"): Route(PERSON),
    ("by_type.index", "GET"): Route(PERSON),
    ("columns.choose", "POST"): Route(PERSON, {"column": "queue"}),
    ("filters.index", "GET"): Route(PERSON),
    ("filters.save", "POST"): Route(PERSON, {"filter_name": "Failed", "tab": "failed"}),
    ("filters.change", "POST"): Route(OWNED, {"filter_name": "Failed"}),
    ("filters.delete", "POST"): Route(_access(LOGIN, LOGIN, NONE, IN, NONE, NONE, NONE, IN)),
    ("jobs.show", "GET"): Route(JOB),
    ("jobs.show_live", "GET"): Route(JOB),
    ("jobs.log_lines", "GET"): Route(JOB),
    ("files.index", "GET"): Route(JOB),
    ("files.download", "GET"): Route(JOB),
    ("files.table", "GET"): Route(JOB),
    ("start.catalogue", "GET"): Route(PERSON),
    ("presets.toggle_favourite", "POST"): Route(PERSON),
    ("presets.delete", "POST"): Route(_access(LOGIN, LOGIN, NONE, IN, NONE, NONE, NONE, IN)),
    ("start.form", "GET"): Route(PERSON),
    ("start.form", "POST"): Route(PERSON, {"format": "csv"}, AuditAction.JOB_CREATE),
    ("admin.index", "GET"): Route(SEE),
    ("queues.index", "GET"): Route(SEE),
    ("queues.live", "GET"): Route(SEE),
    ("queues.show", "GET"): Route(SEE),
    ("queues.show_live", "GET"): Route(SEE),
    ("queues.pause", "GET"): Route(RUN),
    ("queues.pause", "POST"): Route(RUN, {"reason": "because"}, AuditAction.QUEUE_PAUSE),
    ("queues.resume", "POST"): Route(RUN, {}, AuditAction.QUEUE_RESUME),
    ("queues.pause_all", "GET"): Route(RUN),
    ("queues.pause_all", "POST"): Route(RUN, {"reason": "because"}, AuditAction.EVERYTHING_PAUSE),
    ("queues.resume_all", "POST"): Route(RUN, {}, AuditAction.EVERYTHING_RESUME),
    ("queues.limit", "POST"): Route(RUN, {"limit": "3"}, AuditAction.QUEUE_LIMIT),
    ("queues.empty", "GET"): Route(RUN),
    ("queues.empty", "POST"): Route(RUN, {}, AuditAction.QUEUE_EMPTY),
    ("queues.remove", "GET"): Route(RUN),
    ("queues.remove", "POST"): Route(RUN, {}, AuditAction.QUEUE_REMOVE),
    ("workers.index", "GET"): Route(SEE),
    ("workers.live", "GET"): Route(SEE),
    ("workers.drain", "POST"): Route(RUN, {}, AuditAction.WORKER_DRAIN),
    ("workers.stop", "GET"): Route(RUN),
    ("workers.stop", "POST"): Route(RUN, {}, AuditAction.WORKER_STOP),
    ("types.index", "GET"): Route(SEE),
    ("types.show", "GET"): Route(SEE),
    ("types.disable", "GET"): Route(MANAGE),
    ("types.disable", "POST"): Route(MANAGE, {"reason": "because"}, AuditAction.TYPE_DISABLE),
    ("types.enable", "POST"): Route(MANAGE, {}, AuditAction.TYPE_ENABLE),
    ("users.index", "GET"): Route(SEE),
    ("users.show", "GET"): Route(SEE),
    ("users.add", "GET"): Route(MANAGE),
    ("users.add", "POST"): Route(MANAGE, {**OWN, "name": "newcomer", "role": "user"}, AuditAction.USER_ADD),
    ("users.role", "POST"): Route(MANAGE, {**OWN, "role": Role.OPERATOR}, AuditAction.USER_ROLE),
    ("users.disable", "GET"): Route(MANAGE),
    ("users.disable", "POST"): Route(MANAGE, {}, AuditAction.USER_DISABLE),
    ("users.enable", "POST"): Route(MANAGE, {}, AuditAction.USER_ENABLE),
    ("users.second_factor", "GET"): Route(MANAGE),
    ("users.second_factor", "POST"): Route(MANAGE, OWN, AuditAction.FACTOR_OFF),
    ("groups.index", "GET"): Route(SEE),
    ("groups.add", "POST"): Route(MANAGE, {"name": "Finance"}, AuditAction.GROUP_ADD),
    ("groups.show", "GET"): Route(SEE),
    ("groups.types", "POST"): Route(MANAGE, {"type": "dataset_report"}, AuditAction.GROUP_TYPES),
    ("groups.add_member", "POST"): Route(MANAGE, {"user": "other"}, AuditAction.MEMBER_ADD),
    ("groups.remove_member", "POST"): Route(MANAGE, {}, AuditAction.MEMBER_REMOVE),
    ("groups.remove", "GET"): Route(MANAGE),
    ("groups.remove", "POST"): Route(MANAGE, {}, AuditAction.GROUP_REMOVE),
    ("users.password", "GET"): Route(MANAGE),
    ("users.password", "POST"): Route(MANAGE, OWN, AuditAction.USER_PASSWORD),
    ("tokens.index", "GET"): Route(SEE),
    ("tokens.add", "POST"): Route(MANAGE, {**OWN, **_TOKEN, "user": "robot"}, AuditAction.TOKEN_ADD),
    ("tokens.revoke", "GET"): Route(MANAGE),
    ("tokens.revoke", "POST"): Route(MANAGE, {}, AuditAction.TOKEN_REVOKE),
    ("webhooks.index", "GET"): Route(SEE),
    ("webhooks.add", "POST"): Route(MANAGE, {**OWN, **_WEBHOOK}, AuditAction.WEBHOOK_ADD),
    ("webhooks.show", "GET"): Route(SEE),
    ("webhooks.rotate", "GET"): Route(MANAGE),
    ("webhooks.rotate", "POST"): Route(MANAGE, {**OWN, "overlap": "24"}, AuditAction.WEBHOOK_ROTATE),
    ("webhooks.disable", "POST"): Route(MANAGE, {}, AuditAction.WEBHOOK_DISABLE),
    ("webhooks.enable", "POST"): Route(MANAGE, {}, AuditAction.WEBHOOK_ENABLE),
    ("webhooks.remove", "GET"): Route(MANAGE),
    ("webhooks.remove", "POST"): Route(MANAGE, {}, AuditAction.WEBHOOK_REMOVE),
    ("webhooks.retry", "POST"): Route(MANAGE, {}, AuditAction.WEBHOOK_RETRY),
    ("my_tokens.index", "GET"): Route(PERSON),
    ("my_tokens.add", "POST"): Route(PERSON, {**OWN, **_TOKEN}, AuditAction.TOKEN_ADD),
    ("my_tokens.revoke", "GET"): Route(OWNED),
    ("my_tokens.revoke", "POST"): Route(OWNED, {}, AuditAction.TOKEN_REVOKE, "owner"),
    ("api_reference.show", "GET"): Route(PERSON),
    ("api_reference.download", "GET"): Route(PERSON),
    ("system.index", "GET"): Route(SEE),
    ("system.removal", "GET"): Route(SEE),
    ("actions.ask", "GET"): Route(JOB),
    ("actions.act", "POST"): Route(ACT, {}, AuditAction.JOB_KEEP),
    ("edit_job.show", "GET"): Route(ACT),
    ("edit_job.save", "POST"): Route(ACT, {"format": "csv", "job.tags": "urgent"}, AuditAction.JOB_EDIT),
    ("tags.ask", "GET"): Route(ACT),
    ("sharing.ask", "GET"): Route(ACT),
    ("sharing.change", "POST"): Route(ACT, {"group": ""}, AuditAction.JOB_SHARE),
    ("tags.change", "POST"): Route(ACT, {"tags": "urgent, month end"}, AuditAction.JOB_TAGS),
    ("approvals.index", "GET"): Route(PERSON),
    ("approvals.approve", "GET"): Route(JOB),
    ("approvals.approve_now", "POST"): Route(APPROVE),
    ("approvals.reject", "GET"): Route(JOB),
    ("approvals.reject", "POST"): Route(APPROVE, {"reason": "because"}),
    ("flows.index", "GET"): Route(PERSON),
    ("flows.live", "GET"): Route(PERSON),
    ("flows.show", "GET"): Route(JOB),
    ("flows.show_live", "GET"): Route(JOB),
    ("flows.ask", "GET"): Route(JOB),
    ("flows.act", "POST"): Route(ACT, {}, AuditAction.FLOW_STOP),
    ("questions.index", "GET"): Route(PERSON),
    ("questions.show", "GET"): Route(JOB),
    ("questions.answer", "POST"): Route(ACT, {"keep": "true"}, AuditAction.JOB_ANSWER),
    ("dry_run.ask", "GET"): Route(JOB),
    ("dry_run.run", "POST"): Route(ACT, {}, AuditAction.JOB_DRY_RUN),
    ("stack.show", "GET"): Route(SEE),
    ("stack.show_live", "GET"): Route(SEE),
    ("stack.take", "POST"): Route(_access(LOGIN, LOGIN, NONE, WHY, NONE, WHY, IN, IN), {}, AuditAction.JOB_SNAPSHOT),
    ("again.form", "GET"): Route(ACT),
    ("again.form", "POST"): Route(ACT, {"format": "csv"}, AuditAction.JOB_RUN_AGAIN, "owner"),
    ("steps.ask", "GET"): Route(JOB),
    ("comparison.show", "GET"): Route(JOB),
    ("steps.run", "POST"): Route(ACT, {"step": "fetch"}, AuditAction.JOB_RUN_AGAIN, "owner"),
    ("bundle.download", "GET"): Route(JOB),
    ("children.index", "GET"): Route(JOB),
    ("log.download", "GET"): Route(JOB),
    ("parameters.whole", "GET"): Route(JOB),
    ("acts.confirm_act", "GET"): Route(PERSON),
    ("acts.do_act", "POST"): Route(PERSON),
    ("me.show", "GET"): Route(PERSON),
    ("me.save", "POST"): Route(PERSON),
    ("me.time_zone", "POST"): Route(PERSON, {"zone": "UTC"}),
    ("away.index", "GET"): Route(PERSON),
    ("away.mark_seen", "POST"): Route(PERSON),
    ("me.password", "POST"): Route(PERSON, _CHANGED, AuditAction.USER_PASSWORD, "tenant"),
    ("me.end_session", "POST"): Route(OTHERS),
    ("me.end_others", "POST"): Route(PERSON),
    ("my_notifications.index", "GET"): Route(PERSON),
    ("my_notifications.new", "GET"): Route(PERSON),
    ("my_notifications.new", "POST"): Route(PERSON, _RULE, AuditAction.RULE_ADD),
    ("my_notifications.edit", "GET"): Route(OWN_RULE),
    ("my_notifications.edit", "POST"): Route(OWN_RULE, {**_RULE, "address": ""}, AuditAction.RULE_CHANGE, "owner"),
    ("my_notifications.remove", "GET"): Route(OWN_RULE),
    ("my_notifications.remove", "POST"): Route(OWN_RULE, {}, AuditAction.RULE_REMOVE, "owner"),
    ("my_notifications.switch", "POST"): Route(OWN_RULE, {}, AuditAction.RULE_SWITCH, "owner"),
    ("my_notifications.test", "POST"): Route(OWN_RULE, {}, AuditAction.RULE_TEST, "owner"),
    ("my_notifications.redeliver", "POST"): Route(OWN_RULE, {}, AuditAction.MESSAGE_REDELIVER, "owner"),
    ("all_notifications.index", "GET"): Route(SEE),
    ("all_notifications.new", "GET"): Route(MANAGE),
    ("all_notifications.new", "POST"): Route(MANAGE, _RULE, AuditAction.RULE_ADD),
    ("all_notifications.edit", "GET"): Route(MANAGE),
    ("all_notifications.edit", "POST"): Route(MANAGE, {**_RULE, "address": ""}, AuditAction.RULE_CHANGE),
    ("all_notifications.remove", "GET"): Route(MANAGE),
    ("all_notifications.remove", "POST"): Route(MANAGE, {}, AuditAction.RULE_REMOVE),
    ("all_notifications.switch", "POST"): Route(MANAGE, {}, AuditAction.RULE_SWITCH),
    ("all_notifications.test", "POST"): Route(MANAGE, {}, AuditAction.RULE_TEST),
    ("all_notifications.redeliver", "POST"): Route(MANAGE, {}, AuditAction.MESSAGE_REDELIVER),
    ("notices.index", "GET"): Route(PERSON),
    ("notices.mark_read", "POST"): Route(PERSON),
    ("notices.mark_all_read", "POST"): Route(PERSON),
    ("admin.live", "GET"): Route(SEE),
    ("admin_errors.index", "GET"): Route(SEE),
    ("admin_errors.live", "GET"): Route(SEE),
    ("admin_errors.show", "GET"): Route(SEE),
    ("admin_errors.settle", "POST"): Route(RUN, {}, AuditAction.ERROR_RESOLVE),
    ("admin_errors.confirm_retry", "GET"): Route(RUN),
    ("admin_errors.retry", "POST"): Route(RUN, {}, AuditAction.ERROR_RETRY),
    ("admin_jobs.index", "GET"): Route(SEE),
    ("admin_jobs.live", "GET"): Route(SEE),
    ("admin_jobs.export", "GET"): Route(SEE),
    ("audit.index", "GET"): Route(SEE),
    ("audit.export", "GET"): Route(SEE),
    ("performance.index", "GET"): Route(SEE),
    ("my_schedules.index", "GET"): Route(PERSON),
    ("my_schedules.live", "GET"): Route(PERSON),
    ("my_schedules.show", "GET"): Route(JOB),
    ("my_schedules.show_live", "GET"): Route(OWNED),
    ("my_schedules.preview", "GET"): Route(PERSON),
    ("my_schedules.catalogue", "GET"): Route(PERSON),
    ("my_schedules.new", "GET"): Route(PERSON),
    ("my_schedules.new", "POST"): Route(PERSON, _OWN_SCHEDULE, AuditAction.SCHEDULE_ADD, as_whom="owner"),
    ("my_schedules.edit", "GET"): Route(OWNED),
    ("my_schedules.edit", "POST"): Route(
        OWNED, {**_OWN_SCHEDULE, "schedule-name": "Weekly"}, AuditAction.SCHEDULE_CHANGE, as_whom="owner"
    ),
    ("my_schedules.pause", "GET"): Route(OWNED),
    ("my_schedules.pause", "POST"): Route(OWNED, {"reason": "because"}, AuditAction.SCHEDULE_PAUSE, as_whom="owner"),
    ("my_schedules.resume", "POST"): Route(OWNED, {}, AuditAction.SCHEDULE_RESUME, as_whom="owner"),
    ("my_schedules.run_now", "POST"): Route(OWNED, {}, AuditAction.SCHEDULE_RUN, as_whom="owner"),
    ("my_schedules.remove", "GET"): Route(OWNED),
    ("my_schedules.remove", "POST"): Route(OWNED, {}, AuditAction.SCHEDULE_REMOVE, as_whom="owner"),
    ("budgets.index", "GET"): Route(SEE),
    ("budgets.edit", "GET"): Route(SEE),
    ("budgets.save", "POST"): Route(MANAGE, {"jobs": "500"}, AuditAction.BUDGET_SET),
    ("budgets.clear", "POST"): Route(MANAGE, {}, AuditAction.BUDGET_CLEAR),
    ("schedules.index", "GET"): Route(SEE),
    ("schedules.live", "GET"): Route(SEE),
    ("schedules.show", "GET"): Route(SEE),
    ("schedules.show_live", "GET"): Route(SEE),
    ("schedules.preview", "GET"): Route(SEE),
    ("schedules.catalogue", "GET"): Route(MANAGE),
    ("schedules.new", "GET"): Route(MANAGE),
    ("schedules.new", "POST"): Route(MANAGE, _SCHEDULE, AuditAction.SCHEDULE_ADD),
    ("schedules.edit", "GET"): Route(MANAGE),
    ("schedules.edit", "POST"): Route(MANAGE, {**_SCHEDULE, "schedule-name": "Weekly"}, AuditAction.SCHEDULE_CHANGE),
    ("schedules.pause", "GET"): Route(RUN),
    ("schedules.pause", "POST"): Route(RUN, {"reason": "because"}, AuditAction.SCHEDULE_PAUSE),
    ("schedules.resume", "POST"): Route(RUN, {}, AuditAction.SCHEDULE_RESUME),
    ("schedules.run_now", "POST"): Route(RUN, {}, AuditAction.SCHEDULE_RUN),
    ("schedules.remove", "GET"): Route(MANAGE),
    ("schedules.remove", "POST"): Route(MANAGE, {}, AuditAction.SCHEDULE_REMOVE),
}
UNAUDITED: Mapping[tuple[str, str], str] = {  # changes that are not audited, and why
    ("second_factor.ask", "POST"): "nobody has given a password here; test_second_factor.py checks the line",
    ("second_factor.mark_removal_seen", "POST"): "a message to the user is private",
    ("second_factor.switch_on", "POST"): "needs a code; test_second_factor.py checks the line",
    ("approvals.approve_now", "POST"): "the job needs no approval; test_approvals.py checks the line",
    ("approvals.reject", "POST"): "the job needs no approval; test_approvals.py checks the line",
    ("acts.do_act", "POST"): "no job is selected here; the tests of bulk actions check the line",
    ("me.save", "POST"): "preferences are private",
    ("columns.choose", "POST"): "preferences are private",
    ("me.time_zone", "POST"): "preferences are private",
    ("presets.toggle_favourite", "POST"): "preferences are private",
    ("presets.delete", "POST"): "a preset is a choice of one's own, which changes nothing for jobs",
    ("away.mark_seen", "POST"): "what a user has seen is private",
    ("filters.save", "POST"): "a filter is a choice of one's own, which changes nothing for jobs",
    ("filters.change", "POST"): "a filter is a choice of one's own, which changes nothing for jobs",
    ("filters.delete", "POST"): "a filter is a choice of one's own, which changes nothing for jobs",
    ("me.end_session", "POST"): "a user can end their own sessions",
    ("me.end_others", "POST"): "a user can end their own sessions",
    ("notices.mark_read", "POST"): "what a user has read is private",
    ("notices.mark_all_read", "POST"): "what a user has read is private",
}
