"""Take the screenshots for the documentation in a real browser, from an installation with demo data.

``make pictures`` takes each page of `PAGES` in light, dark and phone size; ``docs/pictures.py NAME…`` takes some pages.
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright
from sqlalchemy import create_engine, select

from webapp.config import load
from webapp.db.engine import engine_options, reading
from webapp.schema import error_groups, jobs, schedules

ROOT = Path(__file__).parent.parent
PICTURES = ROOT / "docs" / "pictures"
PASSWORD = "a password for pictures"  # noqa: S105
PAGES = {  # from "jobs" on, the admin is signed in
    "login": "/login",
    "jobs": "/jobs",
    "start": "/jobs/new",
    "form": "/jobs/new/dataset_report",
    "running": "/jobs/{Copy shop orders}",
    "done": "/jobs/{dataset_report completed}",
    "failed": "/jobs/{dataset_report failed}",
    "family": "/jobs/{Recount stock in four shops}",
    "stop": "/jobs/{Copy shop orders}/stop",
    "notices": "/notices",
    "me": "/me",
    "admin": "/admin",
    "admin-jobs": "/admin/jobs",
    "errors": "/admin/errors",
    "error": "/admin/errors/{error}",
    "queues": "/admin/queues",
    "queue": "/admin/queues/night",
    "workers": "/admin/workers",
    "schedules": "/admin/schedules",
    "schedule": "/admin/schedules/{Export for the shop}",
    "schedule-form": "/admin/schedules/new/job_history_export",
    "types": "/admin/types",
    "type": "/admin/types/dataset_report",
    "users": "/admin/users",
    "performance": "/admin/performance?range=30d",
    "audit": "/admin/audit",
    "system": "/admin/system",
    "missing": "/nowhere",
}
SHAPES = (("light", 1200), ("dark", 1200), ("light", 390))
ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync")


def main(wanted: list[str]) -> None:
    """Serve an installation with demo data and take screenshots of its pages."""
    PICTURES.mkdir(exist_ok=True)
    with demonstration() as (site, ids), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
        for scheme, width in SHAPES:
            page = _open_page(browser, site, scheme, width)
            for name, address in PAGES.items():
                if name == "jobs":
                    _sign_in(page)
                if not wanted or name in wanted:
                    _screenshot(page, address.format_map(ids), PICTURES / f"{name}-{scheme}-{width}.png")


@contextmanager
def demonstration() -> Iterator[tuple[str, Mapping[str, str]]]:
    """Seed an empty folder and run Deskjob on it; yield its URL, and ids by title, name, or type and status."""
    folder = tempfile.mkdtemp(prefix="dj-")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = {"DESKJOB_DATA_DIR": folder, "DESKJOB_ADMIN_PASSWORD": PASSWORD, "PYTHONPATH": str(ROOT)}
    command, environment = [sys.executable, "-m", "webapp.cli"], {**os.environ, **settings}
    subprocess.run([*command, "demo"], env=environment, check=True, stdout=subprocess.DEVNULL)  # noqa: S603
    server = subprocess.Popen(  # noqa: S603
        [*command, "up", "--port", str(port)], env=environment, stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None  # noqa: S101
        server.stdout.readline()
        yield f"http://127.0.0.1:{port}", _ids(Path(folder))
    finally:
        server.terminate()
        server.wait()
        shutil.rmtree(folder)


def _ids(folder: Path) -> Mapping[str, str]:
    """Return the ids of the newest job of each title, or type and status, of schedules, and the most frequent error."""
    database = load(data_dir=folder).database
    engine = create_engine(database, **engine_options(database))
    ids: dict[str, str] = {}
    with reading(engine) as connection:
        for job in connection.execute(select(jobs).order_by(jobs.c.id)):
            ids |= {job.title: str(job.id), f"{job.type} {job.status}": str(job.id)}
        ids |= {schedule.name: str(schedule.id) for schedule in connection.execute(select(schedules))}
        ids["error"] = (
            connection.execute(select(error_groups).order_by(error_groups.c.count.desc())).first().fingerprint
        )
    return ids


def _open_page(browser: Browser, site: str, scheme: str, width: int) -> Page:
    size = {"width": width, "height": 800}
    return browser.new_page(color_scheme=scheme, viewport=size, base_url=site, locale="en-GB")


def _sign_in(page: Page) -> None:
    page.goto("/login")
    page.get_by_label("Name").fill("admin")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/admin")  # where admins begin


def _screenshot(page: Page, address: str, file: Path) -> None:
    page.goto(address)
    page.wait_for_timeout(300)
    page.screenshot(path=file)


if __name__ == "__main__":
    main(sys.argv[1:])
