from datetime import timedelta
from inspect import signature
from typing import Any

import pytest
from pydantic import BaseModel

from webapp.jobs.definition.job_type import JobType, job_type
from webapp.jobs.model.approval import Approval
from webapp.jobs.model.job import Job
from webapp.jobs.model.policies import FOREVER, OnDuplicate, Resources, Retention, RetryPolicy
from webapp.jobs.model.rate import Rate
from webapp.views.admin.job_type_details import limit_lines, retention_lines, rule_rows, starter_lines, usual_retention

USUAL = "30\N{NO-BREAK SPACE}d"


class Nothing(BaseModel):
    pass


def build_type(**options: Any) -> JobType:
    def handler(job: Any, payload: Nothing) -> None:
        """Do nothing."""

    return job_type("one", title="One", **options)(handler)


def test_limits_are_time_attempts_and_concurrency() -> None:
    assert limit_lines(build_type()) == ("up to 1\N{NO-BREAK SPACE}h", "1 attempt", "any number at a time")
    limited_type = build_type(timeout=timedelta(minutes=5), max_attempts=3, max_running=2, max_running_per_owner=1)
    assert limit_lines(limited_type)[1:] == ("up to 3 attempts", "2 at a time", "1 at a time per owner")


def test_roles_are_listed_by_increasing_rights() -> None:
    assert starter_lines(build_type()) == ("Everyone",)
    assert starter_lines(build_type(roles=("admin", "operator", "night_shift"))) == ("Operator, Admin, night_shift",)
    assert starter_lines(build_type(listed=False)) == ("Everyone", "not listed under “Start a job”")


def test_retention_names_statuses_with_their_own_period() -> None:
    assert retention_lines(build_type(keep_files=timedelta(days=7)), USUAL) == (
        "30\N{NO-BREAK SPACE}d",
        "files: 7\N{NO-BREAK SPACE}d",
    )
    kept_type = build_type(keep=Retention(failed=FOREVER, cancelled=timedelta(days=1)))
    assert retention_lines(kept_type, USUAL)[1:3] == ("failed: forever", "stopped: 1\N{NO-BREAK SPACE}d")


def test_the_usual_retention_counts_from_the_end_of_the_month_with_partitions_by_month() -> None:
    assert usual_retention(timedelta(days=30), by_month=False) == USUAL
    assert usual_retention(timedelta(days=30), by_month=True) == f"{USUAL} after the end of their month"


def tell_the_owner(job: Job, payload: Nothing) -> None:
    """Do nothing."""


OTHER_THAN_USUAL = {
    "priority": 5,
    "max_attempts": 2,
    "retry": RetryPolicy(max_attempts=2),
    "max_running": 2,
    "max_running_per_owner": 2,
    "max_per": Rate(2, timedelta(hours=1)),
    "resources": Resources(memory=512, cpu=1.5, image="crunch:2"),
    "unique_key": "one",
    "timeout": timedelta(minutes=1),
    "stop_grace": timedelta(minutes=1),
    "stale_after": timedelta(days=1),
    "rerun_lost": False,
    "own_process": True,
    "worker_only": True,
    "capture_output": False,
    "keep": Retention(failed=FOREVER),
    "roles": ("admin",),
    "for_tenants": False,
    "asks_password": True,
    "acts_as_owner": True,
    "private_output": True,
    "keep_files": timedelta(days=1),
    "listed": False,
    "on_failed": tell_the_owner,
    "webhook": True,
    "approval": Approval(),
}
NOT_A_RULE = {"name", "title", "description", "group", "queue"}  # the page shows them in other places
IN_THE_FORM = {"preview"}
ONLY_WITH_OTHERS = {"on_duplicate", "replaces"}


@pytest.mark.parametrize(("option", "value"), OTHER_THAN_USUAL.items(), ids=OTHER_THAN_USUAL)
def test_the_rules_show_every_option_that_is_not_the_usual_one(option: str, value: Any) -> None:
    assert rule_rows(build_type(**{option: value}), USUAL) != rule_rows(build_type(), USUAL)


def test_every_option_of_a_job_type_is_a_rule() -> None:
    assert set(signature(job_type).parameters) == {*OTHER_THAN_USUAL, *NOT_A_RULE, *ONLY_WITH_OTHERS, *IN_THE_FORM}


def test_the_function_that_is_called_after_a_failure_is_named() -> None:
    rules = dict(rule_rows(build_type(on_failed=tell_the_owner), USUAL))
    assert rules["If it finally fails or is lost"] == f"calls {__name__}.tell_the_owner"


def test_every_rule_has_a_name_and_a_value() -> None:
    rules = dict(
        rule_rows(build_type(priority=5, rerun_lost=False, max_running=2, stop_grace=timedelta(seconds=30)), USUAL)
    )
    assert (rules["Priority"], rules["If its worker is lost"]) == ("5", "the job does not run again")
    assert (rules["Running at the same time"], rules["Running at the same time per owner"]) == ("2", "no limit")
    assert rules["Grace period to stop"] == "30\N{NO-BREAK SPACE}s"
    assert rules["Duplicates"] == "allowed"
    for policy, words in (
        (OnDuplicate.REJECT, "rejected"),
        (OnDuplicate.RETURN, "the existing job is returned"),
        (OnDuplicate.QUEUE_AFTER, "wait for the first job"),
    ):
        keyed_rules = dict(rule_rows(build_type(unique_key="one", on_duplicate=policy), USUAL))
        assert keyed_rules["Duplicates"] == words
