"""The preview of a cron rule: the rule in words and its next runs, or the error in it.

Common rules are translated. For the others, cronsim has an English description only.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from babel.lists import format_list
from flask_babel import format_datetime, get_locale

from webapp.jobs.schedules.cron_rule import CronRule, InvalidCronRule, UnknownTimeZone
from webapp.views.page.viewer_context import ViewerContext
from webapp.views.text.date_format import FormattedTime
from webapp.views.text.stored_messages import translated
from webapp.views.text.translations import gettext as _
from webapp.views.text.translations import ngettext

NEXT_RUNS = 5
_HOUR = 60
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_WORKDAYS = {"1-5", "MON-FRI"}
_WEEKDAY = re.compile(r"[0-7]|SUN|MON|TUE|WED|THU|FRI|SAT")


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
    minute, hour, day, month, weekday = rule.text.upper().split()
    text = ""
    if month == "*" and day == weekday == hour == "*":
        text = _within_the_hour(minute)
    elif month == "*" and minute.isdigit() and hour.isdigit():
        text = _at(f"{int(hour):02}:{int(minute):02}", day, weekday)
    return text or _description(rule)


def _next_run(at: datetime, rule: CronRule, context: ViewerContext) -> NextRun:
    rule_time, here = at.astimezone(ZoneInfo(rule.zone)), at.astimezone(context.zone)
    return NextRun(
        at=replace(context.when(at), text=format_datetime(here, "EEE HH:mm", rebase=False)),
        rule_time=format_datetime(rule_time, "EEE d MMM y, HH:mm", rebase=False),
        differs=rule_time.utcoffset() != here.utcoffset(),
    )


def _description(rule: CronRule) -> str:
    return rule.describe() if str(get_locale()).startswith("en") else rule.text


def _within_the_hour(minute: str) -> str:
    if minute in {"*", "*/1"}:
        return str(_("Every minute"))
    if minute.isdigit():
        return str(_("Every hour at minute %(minute)s", minute=f"{int(minute):02}"))
    step = int(minute[2:]) if re.fullmatch(r"\*/\d{1,2}", minute) else 0
    return str(ngettext("Every minute", "Every %(num)s minutes", step)) if step and _HOUR % step == 0 else ""


def _at(time: str, day: str, weekday: str) -> str:
    if day == "*" and weekday == "*":
        return str(_("Every day at %(time)s", time=time))
    if day == "*" and weekday in _WORKDAYS:
        return str(_("Monday to Friday at %(time)s", time=time))
    if day == "*" and all(map(_WEEKDAY.fullmatch, weekday.split(","))):
        return str(_("Every %(days)s at %(time)s", days=_days(weekday.split(",")), time=time))
    if weekday == "*" and day.isdigit():
        return str(_("On day %(day)s of every month at %(time)s", day=int(day), time=time))
    return ""


def _days(names: Sequence[str]) -> str:
    locale = get_locale()
    numbers = sorted({(_number(name) - 1) % 7 for name in names})  # Babel weeks start on Monday
    return str(format_list([locale.days["format"]["wide"][number] for number in numbers], locale=locale))


def _number(name: str) -> int:
    return int(name) if name.isdigit() else _DAYS.index(name)
