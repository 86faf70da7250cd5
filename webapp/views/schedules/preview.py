"""What a rule means: its words and its next times, or the sentence that says what is wrong with it.

Rules in words. The usual ones in the reader's language; of the others cronsim knows only the English.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class NextRun:
    """One time to come, on the clock of the rule and on the reader's; ``elsewhere`` where they differ."""

    at: FormattedTime
    rule_time: str
    differs: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """A rule, explained. With ``wrong`` there is nothing else."""

    rule_text: str = ""
    zone: str = ""
    next_runs: tuple[NextRun, ...] = ()
    error: str = ""


def preview_typed_rule(rule: str, zone: str, reader: ViewerContext) -> Preview:
    """Explain what somebody types."""
    try:
        return rule_preview(CronRule.parse(rule, zone), reader)
    except (InvalidCronRule, UnknownTimeZone) as error:
        return Preview(error=translated(str(error)))


def rule_preview(rule: CronRule, reader: ViewerContext) -> Preview:
    """Explain a rule that is kept; its zone may have vanished since."""
    try:
        next_runs = rule.next(reader.now, NEXT_RUNS)
    except UnknownTimeZone as error:
        return Preview(error=translated(str(error)))
    return Preview(
        rule_text=rule_text(rule), zone=rule.zone, next_runs=tuple(_next_run(at, rule, reader) for at in next_runs)
    )


def _next_run(at: datetime, rule: CronRule, reader: ViewerContext) -> NextRun:
    rule_time, here = at.astimezone(ZoneInfo(rule.zone)), at.astimezone(reader.zone)
    return NextRun(
        at=replace(reader.when(at), text=format_datetime(here, "EEE HH:mm", rebase=False)),
        rule_time=format_datetime(rule_time, "EEE d MMM y, HH:mm", rebase=False),
        differs=rule_time.utcoffset() != here.utcoffset(),
    )


_HOUR = 60
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_WORKDAYS = {"1-5", "MON-FRI"}
_WEEKDAY = re.compile(r"[0-7]|SUN|MON|TUE|WED|THU|FRI|SAT")


def rule_text(rule: CronRule) -> str:
    """Say when: "Every day at 02:30"; the zone is said beside it."""
    minute, hour, day, month, weekday = rule.text.upper().split()
    said = ""
    if month == "*" and day == weekday == hour == "*":
        said = _within_the_hour(minute)
    elif month == "*" and minute.isdigit() and hour.isdigit():
        said = _at(f"{int(hour):02}:{int(minute):02}", day, weekday)
    return said or _explained(rule)


def _explained(rule: CronRule) -> str:
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
    numbers = sorted({(_number(name) - 1) % 7 for name in names})  # babel's week begins on Monday
    return str(format_list([locale.days["format"]["wide"][number] for number in numbers], locale=locale))


def _number(name: str) -> int:
    return int(name) if name.isdigit() else _DAYS.index(name)
