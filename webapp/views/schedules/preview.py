"""The preview of a cron rule: the rule in words and its next runs, or the error in it."""

from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from flask_babel import format_datetime

from webapp.jobs.schedules.cron_rule import CronRule, InvalidCronRule, UnknownTimeZone
from webapp.views.page.viewer_context import ViewerContext
from webapp.views.text.date_format import FormattedTime
from webapp.views.text.stored_messages import translated
from webapp.views.text.translations import gettext as _

NEXT_RUNS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class NextRun:
    """A future run in the time zone of the rule and in that of the viewer; ``differs`` if these are not the same."""

    at: FormattedTime
    rule_time: str
    differs: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """A rule in words with its next runs, or only an ``error``."""

    rule_text: str = ""
    zone: str = ""
    next_runs: tuple[NextRun, ...] = ()
    error: str = ""


def preview_typed_rule(rule: str, zone: str, context: ViewerContext) -> Preview:
    """Return the preview of a rule that the user types."""
    try:
        return rule_preview(CronRule.parse(rule, zone), context)
    except (InvalidCronRule, UnknownTimeZone) as error:
        return Preview(error=translated(str(error)))


def rule_preview(rule: CronRule, context: ViewerContext) -> Preview:
    """Return the preview of a stored rule; its time zone may no longer exist."""
    try:
        next_runs = rule.next(context.now, NEXT_RUNS)
    except UnknownTimeZone as error:
        return Preview(error=translated(str(error)))
    return Preview(
        rule_text=rule_text(rule), zone=rule.zone, next_runs=tuple(_next_run(at, rule, context) for at in next_runs)
    )


def rule_text(rule: CronRule) -> str:
    """Return a rule in words, for example "Every day at 02:30"."""
    return rule.describe(_)


def _next_run(at: datetime, rule: CronRule, context: ViewerContext) -> NextRun:
    rule_time, here = at.astimezone(ZoneInfo(rule.zone)), at.astimezone(context.zone)
    return NextRun(
        at=replace(context.when(at), text=format_datetime(here, "EEE HH:mm", rebase=False)),
        rule_time=format_datetime(rule_time, "EEE d MMM y, HH:mm", rebase=False),
        differs=rule_time.utcoffset() != here.utcoffset(),
    )
