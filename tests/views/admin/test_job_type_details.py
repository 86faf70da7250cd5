from datetime import timedelta
from typing import Any

from pydantic import BaseModel

from webapp.jobs.definition.job_type import JobType, job_type
from webapp.jobs.model.policies import FOREVER, OnDuplicate, Retention
from webapp.views.admin.job_type_details import limit_lines, retention_lines, rule_rows, starter_lines

USUAL = timedelta(days=30)


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
