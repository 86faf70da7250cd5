"""Which of everybody's jobs a list shows, as its address says it.

Moments and days as the addresses and forms of these pages write them. Pure; what makes no sense is left out.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import ClassVar, Self
from uuid import UUID
from zoneinfo import ZoneInfo

from webapp.jobs.queries.criteria import SYSTEM, AdminJobCriteria
from webapp.jobs.queries.visible_jobs import TABS
from webapp.views.job_list.filter import Filter
from webapp.views.page.request import services

_MANY_JOBS = 5000  # jobs: more of them are met soon along a walk
_NOBODY = UUID(int=0)
_TEXTS = {"status": 20, "queue": 80, "worker": 80, "owner": 120, "error": 16, "ended_since": 40, "ended_until": 40}
_SUMMED = frozenset({"tab", "type_name", "ended_since", "ended_until", "before"})


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminJobFilter(Filter):
    """A filter of everybody's jobs. ``owner`` is a name or "system"; what is empty narrows nothing.

    A ``status`` is one of its tab: who asks for another one is shown that one's tab.
    """

    endpoint: ClassVar[str] = "admin_jobs.index"
    live: ClassVar[str] = "admin_jobs.live"

    status: str = ""
    queue: str = ""
    worker: str = ""
    owner: str = ""
    error: str = ""
    ended_since: str = ""
    ended_until: str = ""

    @classmethod
    def of(cls, arguments: Mapping[str, str]) -> Self:
        """Read it from the arguments of an address."""
        plain = Filter.of(arguments)
        known = {field.name: getattr(plain, field.name) for field in fields(Filter)}
        texts = {name: arguments.get(name, "").replace("\0", "").strip()[:most] for name, most in _TEXTS.items()}
        ended = {name: texts[name] if parse_moment(texts[name]) else "" for name in ("ended_since", "ended_until")}
        tab = next((tab for tab, statuses in TABS.items() if texts["status"] in statuses), "")
        return cls(**{**known, **texts, **ended, **({"tab": tab} if tab else {"status": ""})})

    @property
    def is_narrowed(self) -> bool:
        """Something but the tab leaves jobs out."""
        return Filter.is_narrowed.fget(self) or any(getattr(self, name) for name in _TEXTS)  # type: ignore[attr-defined]

    @property
    def has_exact_count(self) -> bool:
        """Whether the figures know how many there are: whole hours, and at most a type."""
        given = {field.name for field in fields(self) if getattr(self, field.name)}
        bounds = [parse_moment(text) for text in (self.ended_since, self.ended_until) if text]
        return bool(self.ended_since) and given <= _SUMMED and all(at and not at.minute | at.second for at in bounds)

    def in_tab(self, tab: str) -> Self:
        """Return the first page of another tab, in all of its statuses."""
        return replace(self, tab=tab, before=None, status="")

    def arguments(self) -> dict[str, str]:
        """Return what `of` reads back; what is not set is left out."""
        texts = {name: getattr(self, name) for name in _TEXTS}
        return {**Filter.arguments(self), **{name: value for name, value in texts.items() if value}}

    def criteria(self, today: datetime, closed_types: frozenset[str] = frozenset()) -> AdminJobCriteria:
        """Return which jobs are meant; an owner that nobody knows owns nothing."""
        plain = Filter.criteria(self, today, closed_types)
        return AdminJobCriteria(
            **{field.name: getattr(plain, field.name) for field in fields(plain)},
            status=self.status,
            queue=self.queue,
            worker=self.worker,
            owner=self._owner(),
            error=self.error,
            ended_since=parse_moment(self.ended_since),
            ended_until=parse_moment(self.ended_until),
            many_ended=self.count_ended() > _MANY_JOBS,
        )

    def count_ended(self) -> int:
        """Count the jobs that ended in the time that is meant, of the tab and the type; 0 if none is meant."""
        since, until = parse_moment(self.ended_since), parse_moment(self.ended_until)
        if since is None:
            return 0
        narrowed = {"type": self.type_name} if self.type_name else {}
        statuses = {status.value for status in TABS[self.tab]}
        counts = services().metrics.count_ended_by_hour(since, **narrowed)
        return sum(
            count
            for (hour, status), count in counts.items()
            if (not statuses or status in statuses) and (until is None or hour < until)
        )

    def _owner(self) -> UUID | str:
        if self.owner in {"", SYSTEM}:
            return self.owner
        found = services().accounts.by_name(self.owner)
        return found.id if found else _NOBODY


def parse_moment(text: str) -> datetime | None:
    """Read a moment of an address, with its zone; UTC if it names none."""
    try:
        found = datetime.fromisoformat(text.strip().replace(" ", "+")) if text else None
    except ValueError:
        return None
    return found.replace(tzinfo=found.tzinfo or UTC) if found else None


def start_of_day(day: str, zone: ZoneInfo) -> datetime | None:
    """Return the beginning of a day, as a form writes days, in somebody's zone."""
    found = _day(day)
    return datetime.combine(found, time(), zone) if found and found > date.min else None


def end_of_day(day: str, zone: ZoneInfo) -> datetime | None:
    """Return the beginning of the day after."""
    found = _day(day)
    return datetime.combine(found + timedelta(days=1), time(), zone) if found and found < date.max else None


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None
