"""The filter of the admin list of all jobs, and the days in the URLs of the admin pages.

Invalid values are ignored.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import date, datetime, time, timedelta
from typing import ClassVar, Self
from uuid import UUID
from zoneinfo import ZoneInfo

from webapp.jobs.queries.criteria import SYSTEM, AdminJobCriteria
from webapp.jobs.queries.visible_jobs import TABS
from webapp.views.job_list.filter import Filter
from webapp.views.page.address import EARLIEST_DAY, LATEST_DAY, bounded_day, parse_moment
from webapp.views.page.request import services

_UNKNOWN_OWNER = UUID(int=0)
_TEXTS = {"status": 20, "queue": 80, "worker": 80, "owner": 120, "error": 16}
_COUNTABLE = frozenset({"tab", "type_name", "ended_since", "ended_until", "children", "before"})


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminJobFilter(Filter):
    """A filter of all jobs. ``owner`` is the name of a user or "system"; an empty field matches every job.

    ``status`` selects the tab that contains it.
    """

    endpoint: ClassVar[str] = "admin_jobs.index"
    live: ClassVar[str] = "admin_jobs.live"

    status: str = ""
    queue: str = ""
    worker: str = ""
    owner: str = ""
    error: str = ""

    @classmethod
    def of(cls, arguments: Mapping[str, str]) -> Self:
        """Read a filter from the query arguments of a URL."""
        plain = Filter.of(arguments)
        known = {field.name: getattr(plain, field.name) for field in fields(Filter)}
        texts = {name: arguments.get(name, "").replace("\0", "").strip()[:most] for name, most in _TEXTS.items()}
        tab = next((tab for tab, statuses in TABS.items() if texts["status"] in statuses), "")
        return cls(**{**known, **texts, **({"tab": tab} if tab else {"status": ""})})

    @property
    def is_narrowed(self) -> bool:
        """Whether a filter is set, apart from the tab."""
        return Filter.is_narrowed.fget(self) or any(getattr(self, name) for name in _TEXTS)  # type: ignore[attr-defined]

    @property
    def has_exact_count(self) -> bool:
        """Whether the metrics know the exact count: full hours, child jobs too, and no filter other than the type."""
        used = {field.name for field in fields(self) if getattr(self, field.name)}
        bounds = [parse_moment(text) for text in (self.ended_since, self.ended_until) if text]
        in_full_hours = all(at and not at.minute | at.second for at in bounds)
        return bool(self.ended_since) and self.children and used <= _COUNTABLE and in_full_hours

    def in_tab(self, tab: str) -> Self:
        """Return the first page of another tab, with all of its statuses."""
        kept = self.failed_since if tab == "failed" else ""
        return replace(self, tab=tab, before=None, failed_since=kept, status="")

    def arguments(self) -> dict[str, str]:
        """Return the query arguments that `of` reads, without the empty ones."""
        texts = {name: getattr(self, name) for name in _TEXTS}
        return {**Filter.arguments(self), **{name: value for name, value in texts.items() if value}}

    def criteria(self, today: datetime, unopened_types: frozenset[str] = frozenset()) -> AdminJobCriteria:
        """Return the criteria; an unknown owner matches no job."""
        plain = Filter.criteria(self, today, unopened_types)
        return AdminJobCriteria(
            **{field.name: getattr(plain, field.name) for field in fields(plain)},
            status=self.status,
            queue=self.queue,
            worker=self.worker,
            owner=self._owner(),
            error=self.error,
        )

    def _owner(self) -> UUID | str:
        if self.owner in {"", SYSTEM}:
            return self.owner
        user = services().accounts.by_name(self.owner)
        return user.id if user else _UNKNOWN_OWNER


def start_of_day(day: str, zone: ZoneInfo) -> datetime | None:
    """Return the start of a day (as a date field sends it) in a time zone."""
    parsed = _day(day)
    return datetime.combine(parsed, time(), zone) if parsed and parsed > EARLIEST_DAY else None


def end_of_day(day: str, zone: ZoneInfo) -> datetime | None:
    """Return the start of the next day."""
    parsed = _day(day)
    return datetime.combine(parsed + timedelta(days=1), time(), zone) if parsed and parsed < LATEST_DAY else None


def _day(text: str) -> date | None:
    try:
        return bounded_day(date.fromisoformat(text)) if text else None
    except ValueError:
        return None
