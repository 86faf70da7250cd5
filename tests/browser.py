"""The browser of a test process, and accessibility checks of its pages."""

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

# The first one has no windows: it takes a third less time
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, BROWSERS)), None)
# The first three lines prepare windows of Chromium itself, in processes of their own, which takes half a second of
# processor time for each test; the others are disabled by Playwright, whose list is replaced by this one
DISABLED_FEATURES = (
    *("WebUIOmniboxPopup", "WebUIOmniboxAimPopup", "SpareRendererForSitePerProcess"),
    *("PreloadTopChromeWebUI", "PreconnectToSearch", "OptimizationHints", "NetworkTimeServiceQuerying", "AimEnabled"),
    *("AvoidUnnecessaryBeforeUnloadCheckSync", "DestroyProfileOnBrowserClose", "HttpsUpgrades", "LensOverlay"),
    *("HttpsFirstBalancedModeAutoEnable", "MediaRouter", "PaintHolding", "ThirdPartyStoragePartitioning"),
    *("AvoidCorsURLLoaderRestartOnRedirect", "TcpPortRandomizationWin"),
)
# Waits end as soon as the page shows what they wait for, so their limit is generous
PATIENCE_MILLISECONDS = 120_000
# An endless animation is drawn sixty times a second, without a graphics card
CALM = {"reduced_motion": "reduce"}
TARGET_SIZE = "target-size"
ARGUMENTS = ("--no-sandbox", "--disable-gpu", f"--disable-features={','.join(DISABLED_FEATURES)}")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Start Chromium; where none is installed the test is skipped, unless browsers are required."""
    if CHROMIUM is None:
        if os.environ.get("DESKJOB_TEST_BROWSER") == "required":
            pytest.fail("No Chromium is installed, and DESKJOB_TEST_BROWSER says that it must be.")
        pytest.skip(
            "No Chromium is installed: install one (Debian: apt install chromium-headless-shell) to run browser tests."
        )
    expect.set_options(timeout=PATIENCE_MILLISECONDS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


def violations(page: Page, **options: Any) -> list[str]:
    """Return the violations that axe finds, one line each: the rule and the first element that breaks it.

    axe describes only violations: describing the passed checks would take most of its time. The size of links and
    buttons is not among the rules that it checks by itself.
    """
    known = {"resultTypes": ["violations"], "rules": {TARGET_SIZE: {"enabled": True}}}
    found = Axe().run(page, options=known | options).response["violations"]
    return [f"{violation['id']}: {violation['nodes'][0]['html'][:200]}" for violation in found]
