"""The filter of the list of jobs: read from a URL, written to a URL, and turned into criteria of the engine.

`Filter` is pure and ignores invalid values. `parse_filter` applies the viewer's time zone and permissions.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import ClassVar, Self
from uuid import UUID

from webapp.jobs.model.periods import EXAMPLES, parse_period
from webapp.jobs.model.tags import TAG_LIMIT, folded
from webapp.jobs.queries.criteria import JobCriteria
from webapp.jobs.queries.visible_jobs import TABS
from webapp.views.page.address import EARLIEST_DAY, LATEST_DAY, bounded_day, parse_moment
from webapp.views.page.request import job_policy, services
from webapp.views.page.viewer_context import zone
from webapp.views.text.translations import gettext as _

WHOSE = ("", "mine", "public", "shared")
CUSTOM_DAYS = "own"
DAYS: Mapping[str, int] = {"today": 0, "7": 7, "30": 30}
_TIMES = ("since", "until", "failed_since")
_MOMENTS = ("ended_since", "ended_until")
_TEXT_LIMIT = 200
_MANY_JOBS = 5000  # above this, scanning jobs from the newest finds enough of them soon


class InvalidDay(ValueError):
    """Raised when a day is not written like 2026-12-31."""


class InvalidPeriod(ValueError):
    """Raised when a period is not written like 24h, as on the command line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """A tab, its filters (an empty one matches every job), and the job that the page starts after.

    ``failed_since`` is a period; it selects the tab of failed jobs. ``ended_since`` and ``ended_until`` are moments.
    ``children`` shows child jobs, too, and ``system`` each routine job of the system instead of one row for several.
    """

    endpoint: ClassVar[str] = "jobs.index"
    live: ClassVar[str] = "jobs.live"

    tab: str = "all"
    type_name: str = ""
    tag: str = ""
    whose: str = ""
    text: str = ""
    warned: bool = False
    when: str = ""
    since: str = ""
    until: str = ""
    failed_since: str = ""
    ended_since: str = ""
    ended_until: str = ""
    children: bool = False
    system: bool = False
    before: UUID | None = None

    @classmethod
    def of(cls, arguments: Mapping[str, str]) -> Self:
        """Read a filter from the query arguments of a URL."""
        since, until, failed_since = (arguments.get(name, "")[:20].strip() for name in _TIMES)
        ended_since, ended_until = (_moment_text(arguments.get(name, "")) for name in _MOMENTS)
        return cls(
            tab="failed" if failed_since else _one_of(TABS, arguments.get("tab", "")) or "all",
            type_name=arguments.get("type", "")[:80],
            tag=folded(arguments.get("tag", "")[:TAG_LIMIT]),
            whose=_one_of(WHOSE, arguments.get("whose", "")),
            text=" ".join(arguments.get("q", "")[:_TEXT_LIMIT].replace("\0", " ").split()),
            warned=bool(arguments.get("warned")),
            when=CUSTOM_DAYS if since or until else _one_of((*DAYS, CUSTOM_DAYS), arguments.get("when", "")),
            since=since,
            until=until,
            failed_since=failed_since,
            ended_since=ended_since,
            ended_until=ended_until,
            children=bool(arguments.get("children")),
            system=bool(arguments.get("system")),
            before=_uuid(arguments.get("before", "")),
        )

    @property
    def is_first_page(self) -> bool:
        """Whether this page shows the newest jobs."""
        return self.before is None

    @property
    def is_narrowed(self) -> bool:
        """Whether a filter is set, apart from the tab. Child jobs widen the list, so its counts stay right."""
        ended = self.failed_since or self.ended_since or self.ended_until
        return bool(self.type_name or self.tag or self.whose or self.text or self.warned or self.when or ended)

    @property
    def narrowed_by(self) -> int:
        """How many of the filters behind the button are set: all but the tab and the words."""
        return len(self.arguments().keys() - {"tab", "q", "before"})

    @property
    def folds_system_jobs(self) -> bool:
        """Whether routine jobs of the system are folded: not where somebody looks for particular jobs."""
        return not (self.system or self.is_narrowed)

    @property
    def is_empty(self) -> bool:
        """Whether the list shows all jobs."""
        return self.tab == "all" and not self.is_narrowed

    @property
    def is_relative(self) -> bool:
        """Whether the selected time depends on what time it is."""
        return bool(self.when or self.failed_since)

    @staticmethod
    def is_day(text: str) -> bool:
        """Return whether a date field can show the text (it can show an empty one)."""
        try:
            _day(text)
        except InvalidDay:
            return False
        return True

    def in_tab(self, tab: str) -> "Filter":
        """Return the first page of another tab; only failed jobs can be narrowed to a time of failure."""
        return replace(self, tab=tab, before=None, failed_since=self.failed_since if tab == "failed" else "")

    def after(self, job_id: UUID) -> "Filter":
        """Return the page that starts after this job."""
        return replace(self, before=job_id)

    def arguments(self) -> dict[str, str]:
        """Return the query arguments that `of` reads, without the empty ones."""
        arguments = {
            "tab": self.tab if self.tab != "all" else "",
            "type": self.type_name,
            "tag": self.tag,
            "whose": self.whose,
            "q": self.text,
            "warned": "1" if self.warned else "",
            "when": self.when,
            "since": self.since,
            "until": self.until,
            "failed_since": self.failed_since,
            "ended_since": self.ended_since,
            "ended_until": self.ended_until,
            "children": "1" if self.children else "",
            "system": "1" if self.system else "",
            "before": str(self.before or ""),
        }
        return {name: value for name, value in arguments.items() if value}

    def criteria(self, now: datetime, unopened_types: frozenset[str] = frozenset()) -> JobCriteria:
        """Return the criteria, with days in the time zone of ``now``; raise `InvalidDay` or `InvalidPeriod`."""
        first, last = self._days(now.date())
        return JobCriteria(
            tab=self.tab,
            with_children=self.children,
            type_name=self.type_name,
            tag=self.tag,
            ownership=self.whose,
            text=self.text,
            with_warnings=self.warned,
            since=_midnight(first, now),
            until=_midnight(last + timedelta(days=1), now) if last and last < LATEST_DAY else None,
            ended_since=max(filter(None, (self._failed_since(now), parse_moment(self.ended_since))), default=None),
            ended_until=parse_moment(self.ended_until),
            restricted_types=unopened_types,
        )

    def _failed_since(self, now: datetime) -> datetime | None:
        """Return the start of the period, in whole minutes: polls within a minute then use the same statement."""
        if not self.failed_since:
            return None
        period = parse_period(self.failed_since)
        if period is None:
            raise InvalidPeriod(self.failed_since)
        return (now - period).astimezone(UTC).replace(second=0, microsecond=0)

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
    """Return the criteria of a filter for this viewer; an invalid day or period is reported and ignored."""
    parsed = _parsed(job_filter)
    many = count_ended(parsed.criteria) > _MANY_JOBS
    return replace(parsed, criteria=replace(parsed.criteria, many_ended=many)) if many else parsed


def count_ended(criteria: JobCriteria) -> int:
    """Count all jobs of the tab and the type that ended in the selected time; 0 without a start time."""
    since, until = criteria.ended_since, criteria.ended_until
    if since is None:
        return 0
    narrowed = {"type": criteria.type_name} if criteria.type_name else {}
    statuses = {status.value for status in TABS[criteria.tab]}
    counts = services().metrics.count_ended_by_hour(since, **narrowed)
    return sum(
        count
        for (hour, status), count in counts.items()
        if (not statuses or status in statuses) and (until is None or hour < until)
    )


def _parsed(job_filter: Filter) -> ParsedFilter:
    restricted = job_policy().unopened_types
    now = (services().queries.jobs.now() if job_filter.is_relative else datetime.now(UTC)).astimezone(zone())

    def without(problem: str, *names: str) -> ParsedFilter:
        plain = type(job_filter).of({**job_filter.arguments(), **dict.fromkeys(names, "")})
        return ParsedFilter(job_filter, plain.criteria(now, restricted), problem)

    try:
        criteria = job_filter.criteria(now, restricted)
    except InvalidDay as error:
        problem = _("“%(text)s” is not a date. Use the format 2026-12-31.", text=str(error))
        return without(problem, "since", "until", "when", "failed_since")
    except InvalidPeriod as error:
        problem = _("“%(text)s” is not a period. Examples: %(periods)s", text=str(error), periods=EXAMPLES)
        return without(problem, "failed_since")
    if criteria.since and criteria.until and criteria.since >= criteria.until:
        return ParsedFilter(job_filter, criteria, _("The start date is after the end date, so no job can match."))
    return ParsedFilter(job_filter, criteria)


def _midnight(day: date | None, here: datetime) -> datetime | None:
    return datetime.combine(day, time(), here.tzinfo) if day and day > EARLIEST_DAY else None


def _day(text: str) -> date | None:
    try:
        return bounded_day(date.fromisoformat(text)) if text else None
    except ValueError:
        raise InvalidDay(text) from None


def _moment_text(text: str) -> str:
    text = text.replace("\0", "").strip()[:40]
    return text if parse_moment(text) else ""


def _one_of(known: Mapping[str, object] | tuple[str, ...], text: str) -> str:
    return text if text in known else ""


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
