"""The filter of the list of jobs: read from a URL, written to a URL, and turned into criteria of the engine.

`Filter` is pure and ignores invalid values. `parse_filter` applies the viewer's time zone and permissions.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import ClassVar, Self
from uuid import UUID

from webapp.jobs.queries.criteria import JobCriteria
from webapp.jobs.queries.visible_jobs import TABS
from webapp.views.page.request import job_policy
from webapp.views.page.viewer_context import zone
from webapp.views.text.translations import gettext as _

WHOSE = ("", "mine", "public")
CUSTOM_DAYS = "own"
DAYS: Mapping[str, int] = {"today": 0, "7": 7, "30": 30}
_TEXT_LIMIT = 200


class InvalidDay(ValueError):
    """Raised when a day is not written like 2026-12-31."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """A tab, its filters (an empty one matches every job), and the job that the page starts after."""

    endpoint: ClassVar[str] = "jobs.index"
    live: ClassVar[str] = "jobs.live"

    tab: str = "all"
    type_name: str = ""
    whose: str = ""
    text: str = ""
    warned: bool = False
    when: str = ""
    since: str = ""
    until: str = ""
    before: UUID | None = None

    @classmethod
    def of(cls, arguments: Mapping[str, str]) -> Self:
        """Read a filter from the query arguments of a URL."""
        since, until = arguments.get("since", "")[:20].strip(), arguments.get("until", "")[:20].strip()
        return cls(
            tab=_one_of(TABS, arguments.get("tab", "")) or "all",
            type_name=arguments.get("type", "")[:80],
            whose=_one_of(WHOSE, arguments.get("whose", "")),
            text=" ".join(arguments.get("q", "")[:_TEXT_LIMIT].replace("\0", " ").split()),
            warned=bool(arguments.get("warned")),
            when=CUSTOM_DAYS if since or until else _one_of((*DAYS, CUSTOM_DAYS), arguments.get("when", "")),
            since=since,
            until=until,
            before=_uuid(arguments.get("before", "")),
        )

    @property
    def is_first_page(self) -> bool:
        """Whether this page shows the newest jobs."""
        return self.before is None

    @property
    def is_narrowed(self) -> bool:
        """Whether a filter is set, apart from the tab."""
        return bool(self.type_name or self.whose or self.text or self.warned or self.when)

    @property
    def is_empty(self) -> bool:
        """Whether the list shows all jobs."""
        return self.tab == "all" and not self.is_narrowed

    @staticmethod
    def is_day(text: str) -> bool:
        """Return whether a date field can show the text (it can show an empty one)."""
        try:
            _day(text)
        except InvalidDay:
            return False
        return True

    def in_tab(self, tab: str) -> "Filter":
        """Return the first page of another tab."""
        return replace(self, tab=tab, before=None)

    def after(self, job_id: UUID) -> "Filter":
        """Return the page that starts after this job."""
        return replace(self, before=job_id)

    def arguments(self) -> dict[str, str]:
        """Return the query arguments that `of` reads, without the empty ones."""
        arguments = {
            "tab": self.tab if self.tab != "all" else "",
            "type": self.type_name,
            "whose": self.whose,
            "q": self.text,
            "warned": "1" if self.warned else "",
            "when": self.when,
            "since": self.since,
            "until": self.until,
            "before": str(self.before or ""),
        }
        return {name: value for name, value in arguments.items() if value}

    def criteria(self, now: datetime, unopened_types: frozenset[str] = frozenset()) -> JobCriteria:
        """Return the criteria, with days in the time zone of ``now``; raise `InvalidDay` for text that is not a day."""
        first, last = self._days(now.date())
        return JobCriteria(
            tab=self.tab,
            type_name=self.type_name,
            ownership=self.whose,
            text=self.text,
            with_warnings=self.warned,
            since=_midnight(first, now),
            until=_midnight(last + timedelta(days=1), now) if last and last < date.max else None,
            restricted_types=unopened_types,
        )

    def _days(self, today: date) -> tuple[date | None, date | None]:
        if self.when in DAYS:
            return today - timedelta(days=DAYS[self.when]), None
        return _day(self.since), _day(self.until)


@dataclass(frozen=True, slots=True)
class ParsedFilter:
    """A filter with its criteria; ``problem`` is a message about a filter that makes no sense."""

    filter: Filter
    criteria: JobCriteria
    problem: str = ""


def parse_filter(job_filter: Filter) -> ParsedFilter:
    """Return the criteria of a filter for this viewer; an invalid day is reported and ignored."""
    now, restricted = datetime.now(zone()), job_policy().unopened_types
    try:
        criteria = job_filter.criteria(now, restricted)
    except InvalidDay as error:
        plain = type(job_filter).of({**job_filter.arguments(), "since": "", "until": "", "when": ""})
        sentence = _("“%(text)s” is not a date. Use the format 2026-12-31.", text=str(error))
        return ParsedFilter(job_filter, plain.criteria(now, restricted), sentence)
    if criteria.since and criteria.until and criteria.since >= criteria.until:
        return ParsedFilter(job_filter, criteria, _("The start date is after the end date, so no job can match."))
    return ParsedFilter(job_filter, criteria)


def _midnight(day: date | None, here: datetime) -> datetime | None:
    return datetime.combine(day, time(), here.tzinfo) if day and day > date.min else None


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise InvalidDay(text) from None


def _one_of(known: Mapping[str, object] | tuple[str, ...], text: str) -> str:
    return text if text in known else ""


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
