from datetime import UTC, datetime

import pytest
from uuid_utils.compat import uuid7

from webapp.jobs.model.shown_results import CHART_TYPE, LINK_TYPE, MARKDOWN_TYPE, TABLE_TYPE
from webapp.jobs.store.attachments import Attachment
from webapp.views.job.results.kind import HEAD, is_deliberate, is_inline, kind_of


def file(media_type: str, *, role: str = "output", size: int = 10) -> Attachment:
    return Attachment(
        id=uuid7(),
        job_id=uuid7(),
        attempt=1,
        role=role,
        name="file",
        media_type=media_type,
        size=size,
        sha256="",
        created_at=datetime.now(UTC),
    )


@pytest.mark.parametrize(
    ("media_type", "kind"),
    [
        (TABLE_TYPE, "table"),
        ("text/csv; charset=utf-8", "table"),
        (MARKDOWN_TYPE, "markdown"),
        (CHART_TYPE, "chart"),
        (LINK_TYPE, "link"),
        ("image/svg+xml", "image"),
        ("application/pdf", "pdf"),
        ("TEXT/HTML", "page"),
        ("application/json", "json"),
        ("text/plain", "text"),
        ("application/zip", ""),
    ],
)
def test_the_media_type_says_how_a_file_is_shown(media_type: str, kind: str) -> None:
    assert kind_of(file(media_type)) == kind


def test_uploads_and_empty_files_are_not_shown() -> None:
    assert kind_of(file("text/csv", role="input")) == ""
    assert kind_of(file("text/csv", size=0)) == ""
    assert not is_inline(file("text/html", role="input"))


def test_what_cannot_be_shown_in_part_is_not_shown_if_it_is_large() -> None:
    assert kind_of(file("application/json", size=HEAD + 1)) == ""
    assert kind_of(file("text/csv", size=HEAD + 1)) == "table"


def test_what_a_handler_shows_is_distinguished_from_other_files() -> None:
    assert is_deliberate(file(TABLE_TYPE))
    assert not is_deliberate(file("text/csv"))
