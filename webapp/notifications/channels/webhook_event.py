"""The document that a webhook sends about an event: its type, its time and plain data, without secrets."""

from collections.abc import Mapping
from typing import Any

from webapp.notifications.rule import TEST, Topic

_TYPES: Mapping[str, str] = {
    Topic.FINISHED: "job.finished",
    Topic.FAILED: "job.failed",
    Topic.RUNS_LONG: "job.runs_long",
    Topic.NOT_DONE: "job.not_done",
    Topic.SCHEDULE_MISSED: "schedule.missed",
    Topic.QUEUE_WAITS: "queue.waits",
    Topic.NO_WORKER: "queue.no_worker",
    Topic.NEW_ERROR: "error.new",
    Topic.NEEDS_APPROVAL: "job.needs_approval",
    Topic.NEEDS_ANSWER: "job.needs_answer",
    TEST: "test",
}


def webhook_event(item: Mapping[str, Any], public_url: str) -> dict[str, Any]:
    """Return the document of an event."""
    data = {name: value for name, value in item.items() if name not in {"topic", "at"} and value not in {"", None}}
    if public_url and item.get("question_id"):
        data["url"] = f"{public_url.rstrip('/')}/questions/{item['question_id']}"
    elif public_url and item.get("job_id"):
        data["url"] = f"{public_url.rstrip('/')}/jobs/{item['job_id']}"
    return {"type": _TYPES[item["topic"]], "timestamp": item["at"], "data": data}
