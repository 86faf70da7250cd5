"""What the pages of job types say of each one: what it asks for, and under which rules it runs."""

from dataclasses import dataclass
from datetime import timedelta

from webapp.jobs.disabling import Disabled
from webapp.jobs.job import Status
from webapp.jobs.job_type import JobType
from webapp.jobs.retention import FOREVER
from webapp.services import Services
from webapp.views.forms.questions import Question, questions
from webapp.views.moments import Moment, span
from webapp.views.reader import Reader, reader
from webapp.views.texts import gettext as _
from webapp.views.texts import ngettext


@dataclass(frozen=True, slots=True)
class Parameter:
    """One thing that a type asks for."""

    name: str
    title: str
    takes: str
    required: bool
    help: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeView:
    """A job type as people read it; ``facts`` are its rules, each with its name."""

    kind: JobType
    parameters: tuple[Parameter, ...]
    facts: tuple[tuple[str, str], ...]
    waiting: int
    disabled: Disabled | None
    disabled_at: Moment | None
    disabled_by: str

    @property
    def name(self) -> str:
        """The word for it in commands and addresses."""
        return self.kind.name

    @property
    def title(self) -> str:
        """What people call it."""
        return self.kind.title


def type_views(services: Services) -> tuple[TypeView, ...]:
    """Describe every job type, by group and title."""
    disabled = services.disabled_types.all()
    reading = reader(one.disabled_by for one in disabled.values())
    kinds = sorted(services.registry, key=lambda kind: (kind.group, kind.title))
    return tuple(_view(services, kind, disabled.get(kind.name), reading) for kind in kinds)


def _view(services: Services, kind: JobType, disabled: Disabled | None, reading: Reader) -> TypeView:
    return TypeView(
        kind=kind,
        parameters=_parameters(kind),
        facts=_facts(kind, timedelta(days=services.settings.retention_days)),
        waiting=services.queues.waiting_of_type(kind.name) if disabled else 0,
        disabled=disabled,
        disabled_at=reading.when(disabled.disabled_at) if disabled else None,
        disabled_by=_who(disabled, reading),
    )


def _who(disabled: Disabled | None, reading: Reader) -> str:
    return reading.name(disabled.disabled_by) if disabled and disabled.disabled_by else _("the command line")


def _parameters(kind: JobType) -> tuple[Parameter, ...]:
    return tuple(
        Parameter(question.name, question.title, _takes(question), question.required, question.help)
        for question in questions(kind.payload_class)
    )


def _takes(question: Question) -> str:
    if question.is_upload:
        return _("a file")
    if choices := question.schema.get("enum"):
        return _("one of %(choices)s", choices=", ".join(map(str, choices)))
    formats = {"date": _("a date"), "date-time": _("a moment"), "password": _("a secret")}
    types = {
        "string": _("a text"),
        "integer": _("a whole number"),
        "number": _("a number"),
        "boolean": _("yes or no"),
        "array": _("a list"),
        "object": _("an object"),
    }
    schema = question.schema
    return formats.get(str(schema.get("format"))) or types.get(str(schema.get("type"))) or _("a value")


def _facts(kind: JobType, usual: timedelta) -> tuple[tuple[str, str], ...]:
    limits = kind.limits
    return (
        (_("Queue"), _("%(queue)s, priority %(priority)s", queue=kind.queue, priority=kind.priority)),
        (_("Who may start it"), ", ".join(sorted(kind.roles)) or _("everybody")),
        (_("Attempts"), ngettext("%(num)s try", "up to %(num)s tries", kind.retry.max_attempts)),
        (_("Longest run"), span(kind.timeout)),
        (_("Time to stop"), span(kind.stop_grace)),
        (_("Longest silence"), span(kind.stale_after) if kind.stale_after else _("any")),
        (_("At most at once"), _most(limits.running)),
        (_("At most at once of one owner"), _most(limits.running_per_owner)),
        (_("If its worker is lost"), _("runs again") if kind.rerun_lost else _("is not started again")),
        (_("Jobs are kept"), _kept(kind, usual)),
        (_("Files are kept"), _period(kind.keep_files)),
    )


def _most(limit: int | None) -> str:
    return _("any number") if limit is None else str(limit)


def _kept(kind: JobType, usual: timedelta) -> str:
    own = kind.keep.by_status()
    periods = {_word(status): _period(own.get(status, usual)) for status in sorted(Status) if status in own}
    if not periods:
        return _period(usual)
    return _("%(usual)s; %(others)s", usual=_period(usual), others=", ".join(f"{n}: {p}" for n, p in periods.items()))


def _word(status: Status) -> str:
    words = {
        Status.COMPLETED: _("done"),
        Status.FAILED: _("failed"),
        Status.CANCELLED: _("stopped"),
        Status.STALE: _("lost"),
    }
    return words[status]


def _period(period: timedelta) -> str:
    return _("for ever") if period == FOREVER else span(period)
