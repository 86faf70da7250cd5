"""Take the pictures of the documentation: the demonstration, served as people serve it, in a real browser.

``make pictures`` makes one of each page of `PAGES`, light, dark and on a phone; names after it make only those.
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
PAGES = {  # from "jobs" on, somebody is signed in
    "login": "/login",
    "jobs": "/jobs",
    "start": "/jobs/new",
    "form": "/jobs/new/dataset_report",
    "running": "/jobs/{Copy the orders of the shop}",
    "done": "/jobs/{Dataset report completed}",
    "failed": "/jobs/{Dataset report failed}",
    "family": "/jobs/{Recount the stock of four shops}",
    "stop": "/jobs/{Copy the orders of the shop}/stop",
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
    """Serve a demonstration and picture its pages."""
    PICTURES.mkdir(exist_ok=True)
    with demonstration() as (site, ids), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
        for scheme, width in SHAPES:
            page = _opened(browser, site, scheme, width)
            for name, address in PAGES.items():
                if name == "jobs":
                    _sign_in(page)
                if not wanted or name in wanted:
                    _take(page, address.format_map(ids), PICTURES / f"{name}-{scheme}-{width}.png")


@contextmanager
def demonstration() -> Iterator[tuple[str, Mapping[str, str]]]:
    """Seed an empty folder, run Deskjob on it; give its address, and ids by title, name, or title and status."""
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
    """Of jobs with one title, the newest counts; of those that have files, one that was really run."""
    database = load(data_dir=folder).database
    engine = create_engine(database, **engine_options(database))
    found: dict[str, str] = {}
    with reading(engine) as connection:
        for job in connection.execute(select(jobs).order_by(jobs.c.id)):
            found |= {job.title: str(job.id), f"{job.title} {job.status}": str(job.id)}
        found |= {one.name: str(one.id) for one in connection.execute(select(schedules))}
        found["error"] = (
            connection.execute(select(error_groups).order_by(error_groups.c.count.desc())).first().fingerprint
        )
    return found


def _opened(browser: Browser, site: str, scheme: str, width: int) -> Page:
    size = {"width": width, "height": 800}
    return browser.new_page(color_scheme=scheme, viewport=size, base_url=site, locale="en-GB")


def _sign_in(page: Page) -> None:
    page.goto("/login")
    page.get_by_label("Name").fill("admin")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/jobs")


def _take(page: Page, address: str, file: Path) -> None:
    page.goto(address)
    page.wait_for_timeout(300)
    page.screenshot(path=file)


if __name__ == "__main__":
    main(sys.argv[1:])
