"""Every button of the pages with its operation of the API and its command, or a reason why one is missing.

A new page that changes something, a new operation and a new command without a row fail the test.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Door:
    """The operation and the command that do what a button does; ``reason`` says why one of them is missing."""

    operation: str = ""
    command: str = ""
    reason: str = ""


_FILTERS = "a command has options for its filter"
_PRESETS = "a command takes a payload; `job start --preset` uses what was saved"
_PERSONAL = "a personal setting of somebody who reads pages"
_RULE_BUTTONS = {
    "new": Door("create_rule", "notifications add"),
    "edit": Door("change_rule", "notifications edit"),
    "remove": Door("delete_rule", "notifications remove"),
    "switch": Door("change_rule", "notifications switch"),
    "test": Door("test_rule", "notifications test"),
    "redeliver": Door("send_again", "notifications send-again"),
}
# by the endpoint of the page, and for endpoints with several buttons by the verb
DOORS: Mapping[str, Door] = {
    "auth.login": Door(reason="programs have tokens"),
    "auth.logout": Door(reason="programs have tokens"),
    "new_password.choose": Door(reason=_PERSONAL),
    "start.form": Door("create_job", "job start"),
    "again.form": Door("run_again_job", "job run-again"),
    "steps.run": Door("run_again_job", "job run-again"),
    "dry_run.run": Door("dry_run_job", "job run"),
    "stack.take": Door("take_snapshot", "job stack"),
    "actions.act stop": Door("cancel_job", "job cancel"),
    "actions.act retry": Door("retry_job", "job retry"),
    "actions.act delete": Door("delete_job", "job delete"),
    "actions.act keep": Door("keep_job", "job keep"),
    "actions.act keep-no-longer": Door("keep_no_longer_job", "job keep-no-longer"),
    "approvals.approve_now": Door("approve_job", "job approve"),
    "approvals.reject": Door("reject_job", "job reject"),
    "questions.answer": Door("answer_question_of_job", "job answer"),
    "edit_job.save": Door("edit_job", "job edit"),
    "sharing.change": Door("share_job", "job share"),
    "tags.change": Door("set_tags_job", "job tags"),
    "actions.act run-next": Door("run_next_job", "job run-next"),
    "actions.act make-public": Door("make_public_job", "job make-public"),
    "actions.act make-private": Door("make_private_job", "job make-private"),
    "flows.act stop": Door("cancel_flow", "flows cancel"),
    "flows.act retry": Door("retry_flow", "flows retry"),
    "acts.do_act": Door("act_on_jobs", "job retry"),
    **dict.fromkeys(
        ("columns.choose", "presets.toggle_favourite", "me.time_zone", "away.mark_seen"), Door(reason=_PERSONAL)
    ),
    "presets.delete": Door("delete_preset", reason=_PRESETS),
    "filters.save": Door("save_filter", reason=_FILTERS),
    "filters.change": Door("change_filter", reason=_FILTERS),
    "filters.delete": Door("delete_filter", reason=_FILTERS),
    "queues.pause_all": Door("pause_everything", "pause"),
    "queues.resume_all": Door("resume_everything", "resume"),
    "queues.pause": Door("pause_queue", "queue pause"),
    "queues.resume": Door("resume_queue", "queue resume"),
    "queues.limit": Door("limit_queue", "queue limit"),
    "queues.empty": Door("empty_queue", "queue empty"),
    "queues.remove": Door("remove_queue", "queue remove"),
    "workers.drain": Door("drain_worker", "worker stop"),
    "workers.stop": Door("stop_worker", "worker stop"),
    "types.disable": Door("disable_type", "type disable"),
    "types.enable": Door("enable_type", "type enable"),
    "users.add": Door("create_user", "user add"),
    "users.role": Door("change_role", "user role"),
    "users.disable": Door("disable_user", "user disable"),
    "users.enable": Door("enable_user", "user enable"),
    "users.password": Door("set_password", "user password"),
    "groups.add": Door("create_group", "group add"),
    "groups.remove": Door("delete_group", "group remove"),
    "groups.types": Door("set_group_types", "group types"),
    "groups.add_member": Door("add_member", "group add-member"),
    "groups.remove_member": Door("remove_member", "group remove-member"),
    "users.second_factor": Door("remove_second_factor", "user remove-second-factor"),
    "second_factor.ask": Door(reason="programs have tokens"),
    **dict.fromkeys(
        ("second_factor.switch_on", "second_factor.remove", "second_factor.mark_removal_seen"), Door(reason=_PERSONAL)
    ),
    "budgets.save": Door("set_limits", "budget set"),
    "budgets.clear": Door("remove_limits", "budget clear"),
    "tokens.add": Door("create_token", "token add"),
    "tokens.revoke": Door("revoke_token", "token revoke"),
    "my_tokens.add": Door("create_token", "token add"),
    "my_tokens.revoke": Door("revoke_token", "token revoke"),
    "webhooks.add": Door("create_webhook", "webhook add"),
    "webhooks.rotate": Door("rotate_webhook", "webhook rotate"),
    "webhooks.disable": Door("disable_webhook", "webhook disable"),
    "webhooks.enable": Door("enable_webhook", "webhook enable"),
    "webhooks.remove": Door("delete_webhook", "webhook delete"),
    "webhooks.retry": Door("retry_message", "webhook retry"),
    "admin_errors.settle resolved": Door("resolve_error", "error resolve"),
    "admin_errors.settle ignored": Door("ignore_error", "error ignore"),
    "admin_errors.settle open": Door("reopen_error", "error reopen"),
    "admin_errors.retry": Door("retry_error", "error retry"),
    **dict.fromkeys(("schedules.new", "my_schedules.new"), Door("create_schedule", "schedule add")),
    **dict.fromkeys(("schedules.edit", "my_schedules.edit"), Door("change_schedule", "schedule edit")),
    **dict.fromkeys(("schedules.pause", "my_schedules.pause"), Door("pause_schedule", "schedule pause")),
    **dict.fromkeys(("schedules.resume", "my_schedules.resume"), Door("resume_schedule", "schedule resume")),
    **dict.fromkeys(("schedules.run_now", "my_schedules.run_now"), Door("run_schedule", "schedule run-now")),
    **dict.fromkeys(("schedules.remove", "my_schedules.remove"), Door("delete_schedule", "schedule remove")),
    **dict.fromkeys(("me.save", "me.password", "me.end_session", "me.end_others"), Door(reason=_PERSONAL)),
    **dict.fromkeys(("notices.mark_read", "notices.mark_all_read"), Door(reason=_PERSONAL)),
    **{
        f"{pages}.{button}": door
        for pages in ("my_notifications", "all_notifications")
        for button, door in _RULE_BUTTONS.items()
    },
}
# operations without a button: the command that prints or does it, or a reason
FURTHER_OPERATIONS: Mapping[str, Door] = {
    "share_job": Door(command="job unshare"),  # with no group
    "list_jobs": Door(command="job list"),
    "create_flow": Door(command="flows start"),
    "list_flows": Door(command="flows list"),
    "get_flow": Door(command="flows show"),
    "list_approvals": Door(command="job approvals"),
    "list_questions": Door(command="job questions"),
    "list_job_questions": Door(command="job answer"),
    "get_job": Door(command="job show"),
    "report_job": Door(reason="for the program that does the work of a record-only job"),
    "set_priority_job": Door(command="job priority"),
    "list_filters": Door(reason=_FILTERS),
    "list_presets": Door(command="job start"),
    "save_preset": Door(reason=_PRESETS),
    "list_files": Door(command="job files"),
    "download_file": Door(command="job files"),
    "read_log": Door(command="job log"),
    "list_job_events": Door(command="job events"),
    "list_attempts": Door(command="job attempts"),
    "list_steps": Door(command="job steps"),
    "compare_jobs": Door(command="job compare"),
    "list_snapshots": Door(command="job stack"),
    "list_children": Door(command="job children"),
    "follow_events": Door(reason="a program follows it; `job start --wait` and `job log --follow` watch one job"),
    "list_types": Door(command="type list"),
    "get_type": Door(command="type list"),
    "get_own_budget": Door(command="budget show"),
    "list_budgets": Door(command="budget list"),
    "get_limits": Door(command="budget show"),
    "list_schedules": Door(command="schedule list"),
    "get_schedule": Door(command="schedule show"),
    "list_schedule_runs": Door(command="schedule show"),
    "list_queues": Door(command="queue list"),
    "get_queue": Door(command="queue list"),
    "get_pause": Door(command="pause"),
    "add_queue": Door(command="queue add"),
    "list_workers": Door(command="worker list"),
    "list_groups": Door(command="group list"),
    "get_group": Door(command="group show"),
    "list_members": Door(command="group show"),
    "list_errors": Door(command="error list"),
    "get_error": Door(command="error show"),
    "get_account": Door(reason="commands ask it for the account of the token"),
    "list_users": Door(command="user list"),
    "get_user": Door(command="user list"),
    "list_tokens": Door(command="token list"),
    **dict.fromkeys(("list_rules", "get_rule"), Door(command="notifications list")),
    **dict.fromkeys(("list_deliveries", "get_delivery"), Door(command="notifications log")),
    **dict.fromkeys(("list_webhooks", "get_webhook"), Door(command="webhook list")),
    **dict.fromkeys(("list_messages", "get_message"), Door(command="webhook log")),
    "get_secret_key": Door(command="secrets status"),
    "rotate_secret_key": Door(command="secrets rotate"),
    "forget_secret_keys": Door(command="secrets forget"),
    "get_stats": Door(reason="for monitoring; `queue list` and `worker list` print most of it"),
}
