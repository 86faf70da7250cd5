"""Take the pictures of the README: a real installation, real jobs, a real browser (``make pictures``)."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import BrowserContext, Page, sync_playwright

ROOT = Path(__file__).parent.parent
PICTURES = ROOT / "docs" / "pictures"
TABLE = ROOT / "tests" / "journeys" / "airports.csv"
PASSWORD = "a password for pictures"  # noqa: S105
PORT = "8765"


def main() -> None:
    """Start Deskjob on an empty folder, run jobs, and picture the pages that they fill."""
    folder = tempfile.mkdtemp(prefix="dj-")
    settings = {"DESKJOB_DATA_DIR": folder, "DESKJOB_ADMIN_PASSWORD": PASSWORD, "PYTHONPATH": str(ROOT),
                "DESKJOB_JOBTYPES": "tests.journeys.slow_types"}  # fmt: skip
    command = [sys.executable, "-m", "webapp.cli"]
    server = subprocess.Popen(  # noqa: S603
        [*command, "up", "--port", PORT], env={**os.environ, **settings}, stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None  # noqa: S101
        server.stdout.readline()
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            for scheme, width in (("light", 1200), ("dark", 1200), ("light", 390)):
                context = browser.new_context(
                    color_scheme=scheme, viewport={"width": width, "height": 800}, base_url=f"http://127.0.0.1:{PORT}"
                )
                _take(context, f"{scheme}-{width}")
    finally:
        server.terminate()
        server.wait()
        shutil.rmtree(folder)


def _take(context: BrowserContext, kind: str) -> None:
    page = context.new_page()
    page.goto("/login")
    _picture(page, f"login-{kind}")
    page.get_by_label("Name").fill("admin")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/jobs")
    page.goto("/jobs/new")
    _picture(page, f"start-{kind}")
    page.goto("/jobs/new/dataset_report")
    _picture(page, f"form-{kind}")
    page.get_by_label("Dataset").set_input_files(TABLE)
    page.get_by_role("button", name="Start the job").click()
    page.get_by_role("link", name="report.html").wait_for()
    _picture(page, f"done-{kind}")
    page.goto("/jobs/new/slow_count")
    page.get_by_label("Count up to").fill("40")
    page.get_by_role("button", name="Start the job").click()
    page.wait_for_timeout(5000)
    _picture(page, f"running-{kind}")
    page.goto("/jobs")
    _picture(page, f"jobs-{kind}")


def _picture(page: Page, name: str) -> None:
    page.wait_for_timeout(300)
    page.screenshot(path=PICTURES / f"{name}.png")


if __name__ == "__main__":
    PICTURES.mkdir(exist_ok=True)
    main()
