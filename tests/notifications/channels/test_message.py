from datetime import UTC, datetime

import pytest

from webapp.notifications.channels.message import MessageWriter
from webapp.notifications.channels.webhook_event import webhook_event
from webapp.notifications.rule import TEST, Topic

AT = datetime(2026, 5, 4, 10, tzinfo=UTC)
FACT = {
    "at": AT.isoformat(),
    "title": "Monthly report",
    "queue": "mail",
    "name": "Nightly",
    "seconds": 7200,
    "detail": "It broke.",
}


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("topic", [*Topic, TEST])
def test_every_topic_has_a_sentence_in_both_languages_and_an_event(topic, language):
    writer = MessageWriter(language=language, public_url="")
    written = writer.write([{**FACT, "topic": str(topic)}], count=1, rule_name="R", at=AT, files={})
    assert "%(" not in written.text
    assert written.subject.startswith("Deskjob: ")
    assert "http" not in written.text
    assert webhook_event({**FACT, "topic": str(topic)}, "")["type"]


def test_a_period_is_in_words():
    writer = MessageWriter(language="de", public_url="")
    fact = {**FACT, "topic": "runs_long"}
    assert "2 Stunden" in writer.write([fact], count=1, rule_name="R", at=AT, files={}).subject


def test_known_objects_link_to_their_page():
    writer = MessageWriter(language="en", public_url="https://jobs.example.org/office/")
    pages = {
        "/jobs/7": {"job_id": "7"},
        "/me/schedules/7": {"schedule_id": "7", "queue": ""},
        "/admin/errors/7": {"fingerprint": "7", "queue": ""},
        "/admin/queues/mail": {},
    }
    for page, known in pages.items():
        assert writer.line({**FACT, "topic": "failed", **known}, {}).url == f"https://jobs.example.org/office{page}"
