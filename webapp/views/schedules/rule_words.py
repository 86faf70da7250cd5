"""Rules in words. The usual ones in the reader's language; of the others cronsim knows only the English."""

import re
from collections.abc import Sequence

from babel.lists import format_list
from flask_babel import get_locale

from webapp.jobs.schedules.rule import Rule
from webapp.views.texts import gettext as _
from webapp.views.texts import ngettext

_HOUR = 60
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_WORKDAYS = {"1-5", "MON-FRI"}
_WEEKDAY = re.compile(r"[0-7]|SUN|MON|TUE|WED|THU|FRI|SAT")


def words(rule: Rule) -> str:
    """Say when: "Every day at 02:30"; the zone is said beside it."""
    minute, hour, day, month, weekday = rule.text.upper().split()
    said = ""
    if month == "*" and day == weekday == hour == "*":
        said = _within_the_hour(minute)
    elif month == "*" and minute.isdigit() and hour.isdigit():
        said = _at(f"{int(hour):02}:{int(minute):02}", day, weekday)
    return said or _explained(rule)


def _explained(rule: Rule) -> str:
    return rule.explained() if str(get_locale()).startswith("en") else rule.text


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
