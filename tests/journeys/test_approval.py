"""Four eyes, in a browser with and without script: one person starts a payout, another one approves it, and it runs."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page, expect

from tests.browser import CALM
from tests.journeys.conftest import PASSWORD, Browser

pytestmark = [pytest.mark.browser, pytest.mark.exhaustive]
Visit = Callable[[str], Page]


@pytest.fixture(scope="module")
def own_settings() -> dict[str, str]:
    return {"DESKJOB_JOBTYPES": "webapp.demo.payout"}


@pytest.fixture(scope="module")
def site(deskjob: str) -> str:
    admin = Browser(deskjob)
    admin.send("/login", admin.open("/login"), name="admin", password=PASSWORD)
    for name, role in (("nora", "user"), ("bo", "operator")):
        known = {"name": name, "role": role, "password": PASSWORD, "own_password": PASSWORD}
        admin.send("/admin/users/new", admin.open("/admin/users/new"), **known)
    return deskjob


@pytest.fixture(params=[True, False], ids=["script", "no script"])
def visit(request: pytest.FixtureRequest, browser: Chromium, site: str) -> Iterator[Visit]:
    """Sign somebody in, in a browser of their own."""
    contexts = []

    def sign_in(name: str) -> Page:
        context = browser.new_context(base_url=site, java_script_enabled=request.param, **CALM)
        contexts.append(context)
        page = context.new_page()
        page.goto("/login")
        page.get_by_label("Name").fill(name)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("button", name="Sign out")).to_be_visible()
        return page

    yield sign_in
    for context in contexts:
        context.close()


def ask(nora: Page, recipient: str) -> None:
    nora.goto("/jobs/new/payout")
    nora.get_by_label("Recipient").fill(recipient)
    nora.get_by_label("Amount in EUR").fill("12400")
    nora.get_by_role("button", name="Start").click()
    expect(nora.locator("#chip")).to_contain_text("Waits for approval")
    expect(nora.get_by_role("link", name="Approve…")).to_have_count(0)


def test_a_payout_runs_when_a_second_person_has_approved_it(visit: Visit, request: pytest.FixtureRequest) -> None:
    recipient = f"Traders {request.node.callspec.id}"  # of whom one payout an hour may start
    nora, bo = visit("nora"), visit("bo")
    ask(nora, recipient)
    bo.goto("/approvals")
    bo.locator("#approvals").get_by_role("link", name="Payout").first.click()
    bo.get_by_role("link", name="Approve…").click()
    question = bo.locator(".dialog").filter(has_text="Approve “Payout”")
    for seen in ("nora", recipient, "12400"):
        expect(question).to_contain_text(seen)
    question.get_by_role("button", name="Approve").click()
    expect(bo.locator("#approval")).to_contain_text("Approved by")
    for page in (nora, bo):
        wait_for(page, "Done")


def test_a_rejected_payout_says_why(visit: Visit) -> None:
    nora, bo = visit("nora"), visit("bo")
    ask(nora, "Contoso Paper")
    bo.goto(nora.url)
    bo.get_by_role("link", name="Reject…").click()
    bo.get_by_label("Reason").fill("The wrong month")
    bo.locator(".dialog").get_by_role("button", name="Reject").click()
    wait_for(nora, "Rejected")
    expect(nora.locator("#approval")).to_contain_text("The wrong month")


def wait_for(page: Page, word: str) -> None:
    """Open the page again until the job has a status: without script, it does not refresh itself."""
    page.reload()
    while word not in page.locator("#chip").inner_text():
        page.wait_for_timeout(500)
        page.reload()
