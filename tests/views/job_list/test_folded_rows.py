"""Routine jobs of the system are one row, so that they do not hide the jobs of people."""

from collections.abc import Callable

from flask.testing import FlaskClient

from webapp.jobs.model.job import Job, Owner, Status

Put = Callable[..., Job]
SYSTEM = Owner()


def test_finished_jobs_of_the_system_are_folded(admins: FlaskClient, put: Put) -> None:
    for _ in range(3):
        put(Status.COMPLETED, owner=SYSTEM, title="Maintenance")
    own = put(Status.COMPLETED)
    for _ in range(2):
        put(Status.COMPLETED, owner=SYSTEM, title="Cleanup")
    page = admins.get("/jobs").text
    assert page.count('id="folded-') == 2
    assert "3 finished system jobs" in page
    assert "Cleanup (2)" in page
    assert f'id="job-{own.id}"' in page
    assert "6 finished" not in page


def test_a_failed_job_of_the_system_stays_and_so_does_a_single_one(admins: FlaskClient, put: Put) -> None:
    failed = put(Status.FAILED, owner=SYSTEM)
    put(Status.RUNNING)
    single = put(Status.COMPLETED, owner=SYSTEM)
    page = admins.get("/jobs").text
    assert f'id="job-{failed.id}"' in page
    assert f'id="job-{single.id}"' in page


def test_nothing_is_folded_where_somebody_looks_for_jobs(admins: FlaskClient, put: Put) -> None:
    for _ in range(3):
        put(Status.COMPLETED, owner=SYSTEM, type="maintenance")
    for address in ("/jobs?system=1", "/jobs?type=maintenance", "/admin/jobs?owner=system"):
        page = admins.get(address).text
        assert page.count("<tr id=") == 3, address
        assert 'id="folded-' not in page


def test_a_poll_folds_as_the_page_does(admins: FlaskClient, put: Put) -> None:
    for _ in range(3):
        put(Status.COMPLETED, owner=SYSTEM)
    assert admins.get("/jobs/_live", headers={"HX-Request": "true"}).text.count('id="folded-') == 1


def test_a_list_of_only_folded_jobs_says_how_to_see_all(admins: FlaskClient, put: Put) -> None:
    for _ in range(3):
        put(Status.COMPLETED, owner=SYSTEM)
    assert 'href="?system=1"' in admins.get("/jobs").text
