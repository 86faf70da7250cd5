"""Schedules that an account without rights creates over the API: its own, within the limits."""

from collections.abc import Callable

from tests.api.conftest import Objects, Program
from webapp.accounts.tokens import Scope
from webapp.accounts.user import User

NEW = {"type": "job_history_export", "name": "Mine", "rule": "0 3 * * *", "payload": {"format": "csv"}}
Programs = Callable[..., Program]


def test_an_account_creates_changes_runs_and_deletes_its_own(program_of: Programs, people: dict[str, User]) -> None:
    mine, other = program_of(people["owner"]), program_of(people["other"])
    made = mine.call("POST", "/schedules", json=NEW)
    assert (made.status_code, made.json["owner"]["user_id"]) == (201, str(people["owner"].id))
    here = f"/schedules/{made.json['id']}"
    assert [each["name"] for each in mine.call("GET", "/schedules").json["items"]] == ["Mine"]
    assert other.call("GET", "/schedules").json["items"] == []
    for method, path in (("GET", here), ("DELETE", here), ("POST", f"{here}/pause"), ("POST", f"{here}/run")):
        assert other.call(method, path, json={}).status_code == 404, (method, path)
    assert mine.call("PATCH", here, json={"rule": "0 4 * * *"}).json["rule"] == "0 4 * * *"
    assert mine.call("POST", f"{here}/pause", json={"reason": "Holiday"}).json["paused_why"] == "Holiday"
    assert mine.call("POST", f"{here}/resume").json["paused_at"] is None
    job = mine.call("POST", f"{here}/run")
    assert (job.status_code, job.json["owner"]["user_id"]) == (202, str(people["owner"].id))
    assert mine.call("GET", f"{here}/runs").json["items"][0]["job_id"] == job.json["id"]
    assert mine.call("DELETE", here).status_code == 204


def test_what_is_not_permitted_has_one_sentence_and_writes_nothing(
    program_of: Programs, people: dict[str, User], objects: Objects
) -> None:
    mine = program_of(people["owner"])
    for change, status, sentence in (
        ({"rule": "*/5 * * * *"}, 422, "Runs must be at least 60 minutes apart. Two runs of this rule are 5."),
        ({"type": "user_import"}, 422, "There is no job type of this name that you can schedule."),
        ({"user": people["other"].name}, 403, "Only admins can do this."),
        ({"queue": "default"}, 403, "Only operators can change the queue and the priority."),
        ({"priority": 9}, 403, "Only operators can change the queue and the priority."),
    ):
        refused = mine.call("POST", "/schedules", json={**NEW, **change})
        errors = refused.json.get("errors", [refused.json])
        assert (refused.status_code, [error["detail"] for error in errors]) == (status, [sentence]), change
    assert objects.services.schedules.all() == ()


def test_a_token_that_may_only_start_jobs_gives_an_admin_own_schedules_only(
    program_of: Programs, people: dict[str, User], objects: Objects
) -> None:
    program = program_of(people["admin"], Scope.START)
    made = program.call("POST", "/schedules", json=NEW)
    assert made.json["owner"]["user_id"] == str(people["admin"].id)
    assert program.call("DELETE", f"/schedules/{objects.schedule()}").status_code == 403
    assert program.call("DELETE", f"/schedules/{made.json['id']}").status_code == 204
