"""A form with files in a real browser: dropped files, and an upload that is sent with its progress."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser import violations
from tests.views.browsing import complaints_of

pytestmark = pytest.mark.browser
DROP = """() => {
    const files = new DataTransfer();
    files.items.add(new File(["a,b\\n1,2\\n"], "dropped.csv"));
    const label = document.querySelector(".field:has(input[type=file]) label");
    for (const name of ["dragenter", "dragover", "drop"])
        label.dispatchEvent(new DragEvent(name, { dataTransfer: files, bubbles: true, cancelable: true }));
}"""


@pytest.mark.exhaustive
def test_a_dropped_file_is_sent_and_the_page_of_the_job_opens(page: Page) -> None:
    complaints = complaints_of(page)
    page.goto("/jobs/new/dataset_report")
    page.evaluate(DROP)
    page.get_by_role("button", name="Start the job").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Dataset report: dropped.csv")
    assert violations(page) == []
    assert complaints == []


@pytest.mark.exhaustive
def test_the_answer_to_a_rejected_form_replaces_it_and_says_why(page: Page) -> None:
    page.goto("/jobs/new/dataset_report")
    page.set_input_files("input[name=file]", {"name": "empty.csv", "mimeType": "text/csv", "buffer": b""})
    page.get_by_role("button", name="Start the job").click()
    expect(page.locator(".error-summary")).to_be_focused()
    expect(page.locator(".error-summary")).to_contain_text("empty.csv is empty")
    page.evaluate(DROP)
    page.get_by_role("button", name="Start the job").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Dataset report: dropped.csv")


@pytest.mark.exhaustive
def test_an_upload_that_fails_leaves_the_form_as_it_was(page: Page) -> None:
    page.goto("/jobs/new/dataset_report")
    page.evaluate(DROP)
    page.route("**/jobs/new/dataset_report", lambda route: route.abort())
    page.get_by_role("button", name="Start the job").click()
    expect(page.locator("[data-text]")).to_contain_text("The upload failed.")
    expect(page.get_by_role("button", name="Start the job")).to_be_enabled()
    assert page.evaluate("document.querySelector('input[name=file]').files[0].name") == "dropped.csv"
