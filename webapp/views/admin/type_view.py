"""What the pages of job types say of each one: its rules, what it asks for, how many there are, who disabled it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from webapp.jobs.disabling import Disabled
from webapp.jobs.job_type import JobType
from webapp.jobs.queries import TABS
from webapp.jobs.spread import Spread
from webapp.services import Services
from webapp.views.admin import hours, type_facts
from webapp.views.admin.glance import Card
from webapp.views.admin.type_parameters import Parameter, parameters
from webapp.views.moments import Moment
from webapp.views.reader import Reader, reader
from webapp.views.texts import gettext as _
from webapp.views.written import translated


@dataclass(frozen=True, slots=True, kw_only=True)
class Closure:
    """Why a type is disabled, by whom and since when."""

    reason: str
    who: str
    at: Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeView:
    """A job type as people read it; ``facts`` are its rules, each with its name. It failed since ``since``."""

    kind: JobType
    parameters: tuple[Parameter, ...]
    limits: tuple[str, ...]
    starters: tuple[str, ...]
    kept: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    cards: Mapping[str, Card]
    since: str
    disabled: Closure | None

    @property
    def name(self) -> str:
        """The word for it in commands and addresses."""
        return self.kind.name

    @property
    def group(self) -> str:
        """What the reader calls those that belong together."""
        return translated(self.kind.group)

    @property
    def title(self) -> str:
        """What people call it."""
        return self.kind.title


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    spreads: Mapping[str, Spread]
    ended: Mapping[tuple[str, str], int]
    disabled: Mapping[str, Disabled]
    reading: Reader
    usual: timedelta
    largest_file: int


def type_views(services: Services, kinds: Iterable[JobType]) -> tuple[TypeView, ...]:
    """Describe job types, by title as the reader knows it."""
    found = _found(services)
    return tuple(_view(kind, found) for kind in sorted(kinds, key=lambda kind: translated(kind.title)))


def _found(services: Services) -> _Found:
    disabled = services.disabled_types.all()
    reading = reader(one.disabled_by for one in disabled.values())
    return _Found(
        spreads={tab: services.jobs.spread(reading.viewer, tab) for tab in ("waiting", "running")},
        ended=services.figures.ended_by_type(hours.beginning(reading.now)),
        disabled=disabled,
        reading=reading,
        usual=timedelta(days=services.settings.retention_days),
        largest_file=services.settings.max_upload_bytes,
    )


def _view(kind: JobType, found: _Found) -> TypeView:
    disabled = found.disabled.get(kind.name)
    return TypeView(
        kind=kind,
        parameters=parameters(kind, found.largest_file),
        limits=type_facts.limits(kind),
        starters=type_facts.starters(kind),
        kept=type_facts.kept(kind, found.usual),
        facts=type_facts.facts(kind, found.usual),
        cards={
            **{tab: _card(spread, kind.name) for tab, spread in found.spreads.items()},
            "failed": _failed(kind, found),
        },
        since=hours.beginning(found.reading.now).isoformat(),
        disabled=_closure(disabled, found.reading) if disabled else None,
    )


def _card(spread: Spread, name: str) -> Card:
    return Card(count=spread.counts.get(name, 0), more=spread.cut)


def _failed(kind: JobType, found: _Found) -> Card:
    return Card(count=sum(found.ended.get((kind.name, status.value), 0) for status in TABS["failed"]))


def _closure(disabled: Disabled, reading: Reader) -> Closure:
    return Closure(
        reason=disabled.reason,
        who=reading.name(disabled.disabled_by) if disabled.disabled_by else _("the command line"),
        at=reading.when(disabled.disabled_at),
    )
