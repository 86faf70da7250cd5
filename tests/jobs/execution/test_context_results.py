"""What a handler shows on the page of its job."""

from pathlib import Path

from webapp.jobs.model.secret_mask import SecretMask
from webapp.jobs.testing import FakeJobContext

DOCUMENT = Path(__file__).parents[3] / "docs/writing-job-types.md"


def test_what_is_cut_is_a_warning_of_the_job() -> None:
    job = FakeJobContext()
    job.show_table("Long", ([number] for number in range(10_001)), ["n"])
    assert job.warnings == ["The table Long was cut after 10,000 rows."]


def test_secrets_are_masked_in_what_is_shown() -> None:
    job = FakeJobContext()
    job._reporter.mask = SecretMask(["hunter22"])
    job.show_markdown("Access", "The password is hunter22.")
    job.show_chart("Access", ["hunter22"], [1])
    assert b"hunter22" not in b"".join(job.attachments.values())
