from uuid import uuid4

from webapp.jobs.editing.job_edit import changed_values
from webapp.jobs.model.job import Job, Status


def job(**values):
    return Job(id=uuid4(), type="letter", title="Letter", status=Status.QUEUED, **values)


def test_only_what_differs_is_told_and_secrets_are_masked():
    before = job(priority=5, payload={"a": 1, "b": 2, "key": {"$secret": "x"}}, tags=("old",))
    after = job(priority=5, payload={"a": 1, "c": [{"$secret": "y"}], "key": {"$secret": "z"}})
    assert changed_values(before, after) == (
        {"payload": {"b": 2, "key": "hidden"}, "tags": ["old"]},
        {"payload": {"c": ["hidden"], "key": "hidden"}, "tags": []},
    )
    assert changed_values(before, before) == ({}, {})
