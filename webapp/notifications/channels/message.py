"""What a message says: a subject, a text and an HTML page in the reader's language, made from the facts of events."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from babel.units import format_unit
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from webapp.catalogues import catalogue
from webapp.notifications.rule import TEST, Topic

TEMPLATES = Path(__file__).parent / "templates"
MOST_LISTED = 20  # of a bundle
_UNITS = (("day", 86_400), ("hour", 3600), ("minute", 60), ("second", 1))
Item = Mapping[str, Any]
Files = Mapping[str, Sequence[tuple[str, str]]]  # by the id of a job: name and path of its output files


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message, ready to be sent."""

    subject: str
    text: str
    html: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageLine:
    """One event: a sentence, an explanation that can be empty, its page, and files with their addresses."""

    sentence: str
    detail: str
    url: str
    files: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageWriter:
    """Writes messages in one language; ``public_url`` is where the pages are, empty if it is not set.

    ``settings_path`` is the page of the rule.
    """

    language: str
    public_url: str
    settings_path: str = "/me/notifications"

    def write(self, items: Sequence[Item], *, count: int, rule_name: str, at: datetime, files: Files) -> Message:
        """Return the message about ``count`` events, of which ``items`` are known in detail."""
        lines = [self.line(item, files) for item in items[:MOST_LISTED]]
        subject = lines[0].sentence if count == 1 else self._subject(items, count)
        more = count - len(lines)
        words: dict[str, Any] = {
            "language": self.language,
            "heading": subject,
            "lines": lines,
            "more": self.ngettext("and %(num)s more", "and %(num)s more", more) if more > 0 else "",
            "all_url": self._url("/jobs") if more > 0 else "",
            "reason": self.gettext("You receive this because of the notification rule “%(rule)s”.", rule=rule_name),
            "settings_url": self._url(self.settings_path),
            "settings": self.gettext("Notification settings"),
            "open": self.gettext("Open in Deskjob"),
        }
        templates = _environment()
        return Message(
            subject=f"Deskjob: {subject}",
            text=templates.get_template("message.txt").render(words),
            html=templates.get_template("message.html").render(words),
            at=at,
        )

    def line(self, item: Item, files: Files) -> MessageLine:
        """Return an event in words."""
        of_job = files.get(item.get("job_id", ""), ())
        return MessageLine(
            sentence=self._sentence(item),
            detail=self.gettext(item.get("detail", "")) if item.get("detail") else "",
            url=self._url(_path(item)),
            files=tuple((name, self._url(path)) for name, path in of_job if self.public_url),
        )

    def _sentence(self, item: Item) -> str:
        title = self.gettext(item.get("title", "")) if item.get("title") else ""
        known = {"job": title, "queue": item.get("queue", ""), "name": item.get("name", ""), "time": self._period(item)}
        sentences = {
            Topic.FINISHED: self.gettext("%(job)s is done."),
            Topic.FAILED: self.gettext("%(job)s failed."),
            Topic.RUNS_LONG: self.gettext("%(job)s has been running for more than %(time)s."),
            Topic.NOT_DONE: self.gettext("No job of the type %(job)s was done by %(name)s."),
            Topic.SCHEDULE_MISSED: self.gettext("The schedule %(name)s did not start a job."),
            Topic.QUEUE_WAITS: self.gettext("Jobs have been waiting in the queue %(queue)s for more than %(time)s."),
            Topic.NO_WORKER: self.gettext("The queue %(queue)s has waiting jobs and no worker."),
            Topic.NEW_ERROR: self.gettext("New error in %(job)s."),
            Topic.NEEDS_APPROVAL: self.gettext("%(job)s waits for approval."),
            Topic.NEEDS_ANSWER: self.gettext("%(job)s has a question."),
            TEST: self.gettext("This is a test."),
        }
        return sentences[item["topic"]] % known

    def _subject(self, items: Sequence[Item], count: int) -> str:
        topics = {item["topic"] for item in items}
        if topics == {Topic.FINISHED}:
            return self.ngettext("%(num)s job is done.", "%(num)s jobs are done.", count)
        if topics == {Topic.FAILED}:
            return self.ngettext("%(num)s job failed.", "%(num)s jobs failed.", count)
        return self.ngettext("%(num)s notification", "%(num)s notifications", count)

    def _period(self, item: Item) -> str:
        """Return the limit of a rule in its largest whole unit: "30 minutes", "90 seconds"."""
        seconds = item.get("seconds")
        if not seconds:
            return ""
        unit, size = next((unit, size) for unit, size in _UNITS if seconds % size == 0)
        return format_unit(seconds // size, f"duration-{unit}", locale=self.language)

    def _url(self, path: str) -> str:
        return f"{self.public_url.rstrip('/')}{path}" if self.public_url and path else ""

    def gettext(self, text: str, **values: object) -> str:
        """Translate a text and fill in the values."""
        found = catalogue(self.language).gettext(text)
        return found % values if values else found

    def ngettext(self, singular: str, plural: str, number: int) -> str:
        """Translate the form for a number."""
        return catalogue(self.language).ngettext(singular, plural, number) % {"num": number}


def _path(item: Item) -> str:
    """Return the page that shows what an event is about."""
    if item.get("question_id"):  # whom a job asks need not see it
        return f"/questions/{item['question_id']}"
    if item.get("job_id"):
        return f"/jobs/{item['job_id']}"
    if item.get("schedule_id"):
        return f"/me/schedules/{item['schedule_id']}"  # which leads others than the owner to the admin page
    if item.get("fingerprint"):
        return f"/admin/errors/{item['fingerprint']}"
    if item.get("queue"):
        return f"/admin/queues/{item['queue']}"
    return "/me/notifications" if item["topic"] == TEST else "/jobs"


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
