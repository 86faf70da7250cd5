import re
from collections.abc import Callable
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from webapp.accounts.user import User
from webapp.config import Settings, load
from webapp.jobs.model.job import Job, Status

ROOT = "/office"
_ADDRESS = re.compile(
    r"""\b(?:href|src|action|formaction|hx-(?:get|post|push-url)|data-[a-z-]*url)=["']([^"'#][^"']*)["']"""
)


@pytest.fixture
def settings(database_url: str, valkey_url: str, tmp_path: Path) -> Settings:
    return load(
        data_dir=tmp_path,
        database_url=database_url,
        redis_url=valkey_url,
        secret_key="k" * 32,
        public_url=f"http://localhost{ROOT}/",
    )


def outside(html: str) -> set[str]:
    return {found for found in _ADDRESS.findall(html) if found.startswith("/") and not found.startswith(f"{ROOT}/")}


def test_every_address_on_every_page_is_below_the_path(
    admins: FlaskClient, put: Callable[..., Job], attach: Callable[..., object]
) -> None:
    job = put(Status.FAILED)
    attach(job, "report.pdf")
    landed = admins.get(f"{ROOT}/", follow_redirects=True)
    pages = {landed.request.path, f"/jobs/{job.id}", "/jobs/new", "/jobs/new/maintenance", "/me", "/notices"}
    pages |= {
        f"/admin{name}" for name in ("", "/jobs", "/errors", "/queues", "/workers", "/schedules", "/types", "/users")
    }
    pages |= {"/admin/performance", "/admin/audit", "/admin/system", "/admin/schedules/new"}
    for path in sorted(pages):
        response = admins.get(f"{ROOT}{path.removeprefix(ROOT)}")
        assert response.status_code == 200, path
        assert _ADDRESS.findall(response.text), path
        assert outside(response.text) == set(), path


def test_signing_in_leads_back_below_the_path(app_client: FlaskClient, user: User) -> None:
    asked = app_client.get(f"{ROOT}/me?tab=1")
    assert asked.location == f"{ROOT}/login?next=/me?tab%3D1"
    fragment = app_client.get(
        f"{ROOT}/jobs/_live", headers={"HX-Request": "true", "HX-Current-URL": f"http://localhost{ROOT}/me?tab=1"}
    )
    assert fragment.headers["HX-Redirect"] == asked.location


@pytest.fixture
def app_client(client_of: Callable[[User], FlaskClient], user: User) -> FlaskClient:
    return client_of(user).application.test_client()


def test_a_signed_in_user_is_sent_to_the_page_below_the_path(client: FlaskClient) -> None:
    assert client.get(f"{ROOT}/login?next=/me").location == f"{ROOT}/me"
    assert client.get(f"{ROOT}/login").location == f"{ROOT}/jobs/new"  # there are no jobs yet


def test_requests_whose_path_was_removed_are_answered_too(client: FlaskClient) -> None:
    assert client.get("/healthz").status_code == 200
    cookie = client.get_cookie("deskjob", path=ROOT)
    assert cookie
    page = client.get("/me", headers={"Cookie": f"deskjob={cookie.value}"})
    assert page.status_code == 200
    assert outside(page.text) == set()


def test_static_files_are_below_the_path(client: FlaskClient) -> None:
    assert client.get(f"{ROOT}/static/live.js").status_code == 200


def test_a_path_that_only_begins_alike_is_another_page(client: FlaskClient) -> None:
    assert client.get(f"{ROOT}x/me").status_code == 404
