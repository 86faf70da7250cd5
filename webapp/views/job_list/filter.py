"""Which jobs a list shows, as its address says it. Pure; what makes no sense is left out.

What somebody asks of a list: an address understood, by the reader's calendar and rights.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import ClassVar, Self
from uuid import UUID

from webapp.jobs.queries.criteria import JobCriteria
from webapp.jobs.queries.visible_jobs import TABS
from webapp.views.page.viewer_context import restricted_types, zone
from webapp.views.text.translations import gettext as _

WHOSE = ("", "mine", "public")
CUSTOM_DAYS = "own"
DAYS: Mapping[str, int] = {"today": 0, "7": 7, "30": 30}
_LONGEST = 200


class InvalidDay(ValueError):
    """A day is written as 2026-12-31."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """A tab, what narrows it (empty = nothing does), and the job that the page starts after."""

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
        """Read it from the arguments of an address."""
        since, until = arguments.get("since", "")[:20].strip(), arguments.get("until", "")[:20].strip()
        return cls(
            tab=_one_of(TABS, arguments.get("tab", "")) or "all",
            type_name=arguments.get("type", "")[:80],
            whose=_one_of(WHOSE, arguments.get("whose", "")),
            text=" ".join(arguments.get("q", "")[:_LONGEST].replace("\0", " ").split()),
            warned=bool(arguments.get("warned")),
            when=CUSTOM_DAYS if since or until else _one_of((*DAYS, CUSTOM_DAYS), arguments.get("when", "")),
            since=since,
            until=until,
            before=_uuid(arguments.get("before", "")),
        )

    @property
    def is_first_page(self) -> bool:
        """The newest jobs are on it."""
        return self.before is None

    @property
    def is_narrowed(self) -> bool:
        """Something but the tab leaves jobs out."""
        return bool(self.type_name or self.whose or self.text or self.warned or self.when)

    @property
    def is_empty(self) -> bool:
        """Nothing is filtered out."""
        return self.tab == "all" and not self.is_narrowed

    @staticmethod
    def is_day(text: str) -> bool:
        """Tell whether a field for a day can show it; nothing is a day, too."""
        try:
            _day(text)
        except InvalidDay:
            return False
        return True

    def in_tab(self, tab: str) -> "Filter":
        """Return the first page of another tab."""
        return replace(self, tab=tab, before=None)

    def after(self, job_id: UUID) -> "Filter":
        """Return the page of older jobs."""
        return replace(self, before=job_id)

    def arguments(self) -> dict[str, str]:
        """Return what `of` reads back; what is not set is left out."""
        given = {
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
        return {name: value for name, value in given.items() if value}

    def criteria(self, now: datetime, closed_types: frozenset[str] = frozenset()) -> JobCriteria:
        """Return which jobs are meant, days being those of the zone of ``now``; raise `NoDay` for what is none."""
        first, last = self._days(now.date())
        return JobCriteria(
            tab=self.tab,
            type_name=self.type_name,
            ownership=self.whose,
            text=self.text,
            with_warnings=self.warned,
            since=_midnight(first, now),
            until=_midnight(last + timedelta(days=1), now) if last and last < date.max else None,
            restricted_types=closed_types,
        )

    def _days(self, today: date) -> tuple[date | None, date | None]:
        if self.when in DAYS:
            return today - timedelta(days=DAYS[self.when]), None
        return _day(self.since), _day(self.until)


def _midnight(day: date | None, here: datetime) -> datetime | None:
    return datetime.combine(day, time(), here.tzinfo) if day and day > date.min else None


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise InvalidDay(text) from None


def _one_of(known: Mapping[str, object] | tuple[str, ...], given: str) -> str:
    return given if given in known else ""


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class ParsedFilter:
    """A list that somebody asks for: which jobs are meant, and what was wrong with the question."""

    filter: Filter
    criteria: JobCriteria
    problem: str = ""


def parse_filter(given: Filter) -> ParsedFilter:
    """Understand a filter; a day that is none is said and left out."""
    today, closed = datetime.now(zone()), restricted_types()
    try:
        criteria = given.criteria(today, closed)
    except InvalidDay as error:
        plain = type(given).of({**given.arguments(), "since": "", "until": "", "when": ""})
        sentence = _("“%(text)s” is not a day. Write it like 2026-12-31.", text=str(error))
        return ParsedFilter(given, plain.criteria(today, closed), sentence)
    if criteria.since and criteria.until and criteria.since >= criteria.until:
        return ParsedFilter(given, criteria, _("The first day comes after the last one, so nothing can match."))
    return ParsedFilter(given, criteria)
