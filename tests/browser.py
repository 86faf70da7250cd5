"""The one browser of a test process, as Playwright runs no second one beside it; what is wrong with its pages."""

import os
import shutil
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
# What Chromium would prepare for its own windows, of which nobody sees any, takes half a second for each test;
# the others are those that Playwright leaves out by itself, as one list replaces the other
LEFT_OUT = (
    *("PreloadTopChromeWebUI", "PreconnectToSearch", "OptimizationHints", "NetworkTimeServiceQuerying", "AimEnabled"),
    *("AvoidUnnecessaryBeforeUnloadCheckSync", "DestroyProfileOnBrowserClose", "HttpsUpgrades", "LensOverlay"),
    *("HttpsFirstBalancedModeAutoEnable", "MediaRouter", "PaintHolding", "ThirdPartyStoragePartitioning"),
    *("AvoidCorsURLLoaderRestartOnRedirect", "TcpPortRandomizationWin"),
)
# Waits end as soon as the page shows what they wait for, so their limit is generous
PATIENCE_MILLISECONDS = 120_000
ARGUMENTS = ("--no-sandbox", "--disable-gpu", f"--disable-features={','.join(LEFT_OUT)}")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Start Chromium; where none is installed the test is skipped, unless browsers are required."""
    if CHROMIUM is None:
        if os.environ.get("DESKJOB_TEST_BROWSER") == "required":
            pytest.fail("No Chromium is installed, and DESKJOB_TEST_BROWSER says that it must be.")
        pytest.skip("No Chromium is installed: install one (Debian: apt install chromium) to run browser tests.")
    expect.set_options(timeout=PATIENCE_MILLISECONDS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


def violations(page: Page) -> list[str]:
    """What axe finds, in one line each: the rule, and the first element that breaks it.

    It looks at everything, but does not describe all that is right, which would take most of its time.
    """
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found]
