from datetime import UTC, datetime
from uuid import uuid4
from zoneinfo import ZoneInfo

from webapp.jobs.editing.job_edit import JobEdit
from webapp.jobs.model.job import Job, Status
from webapp.views.edit_job.place_fields import PlaceFields

MADRID = ZoneInfo("Europe/Madrid")
AT = datetime(2099, 1, 1, 11, tzinfo=UTC)


def job(status=Status.SCHEDULED, **values):
    return Job(id=uuid4(), type="letter", title="Letter", status=status, version=3, **values)


def form(**texts):
    return {f"job.{name}": text for name, text in texts.items()}


def test_the_fields_of_a_job_change_nothing_and_an_emptied_time_starts_it_now():
    planned = job(run_at=AT, tags=("a", "b"), priority=5)
    fields = PlaceFields.of(planned, MADRID)
    assert (fields.at, fields.tags, fields.priority) == ("2099-01-01T12:00", "a, b", "5")
    assert fields.edit(planned, MADRID) == JobEdit(tags=("a", "b"), version=3)
    emptied = PlaceFields.typed(form(tags="", at="", version="3"), MADRID)
    assert emptied.edit(planned, MADRID) == JobEdit(tags=(), start_now=True, version=3)


def test_what_was_typed_is_an_edit_in_the_time_zone_of_the_user():
    typed = PlaceFields.typed(
        form(queue="night", priority="-7", at="2099-01-01T12:00", tags="B,a", version="3"), MADRID
    )
    assert typed.errors == {}
    edit = JobEdit(queue="night", priority=-7, run_at=AT, tags=("a", "b"), version=3)
    assert typed.edit(job(Status.QUEUED), MADRID) == edit


def test_each_mistake_has_a_sentence_at_its_field(app):
    typed = PlaceFields.typed(form(priority="high", at="tomorrow", tags="x" * 41, version="x"), MADRID)
    assert set(typed.errors) == {"priority", "at", "tags"}
    assert set(PlaceFields.typed(form(priority="9999999"), MADRID).errors) == {"priority"}
