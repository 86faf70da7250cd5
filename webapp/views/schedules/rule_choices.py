"""Rules by choices: "every weekday at 08:00" in place of a cron rule, in both directions. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

CRON = "rule"  # the rule is typed as cron
EVERY = ("hour", "day", "weekday", "week", "month", CRON)
_CRON_RULES = {
    "hour": re.compile(r"(?P<minute>\d{1,2}) \* \* \* \*"),
    "day": re.compile(r"(?P<minute>\d{1,2}) (?P<hour>\d{1,2}) \* \* \*"),
    "weekday": re.compile(r"(?P<minute>\d{1,2}) (?P<hour>\d{1,2}) \* \* (?:1-5|mon-fri)", re.IGNORECASE),
    "week": re.compile(r"(?P<minute>\d{1,2}) (?P<hour>\d{1,2}) \* \* (?P<weekday>[0-7])"),
    "month": re.compile(r"(?P<minute>\d{1,2}) (?P<hour>\d{1,2}) (?P<day>\d{1,2}) \* \*"),
}
_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(:\d\d)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleChoices:
    """How often, and when: ``weekday`` is 0 for Sunday, ``day`` that of the month, ``minute`` that of an hour."""

    every: str = CRON
    time: str = "08:00"
    weekday: str = "1"
    day: str = "1"
    minute: str = "0"

    @classmethod
    def of(cls, rule: str) -> Self:
        """Return the choices that make a rule; those of a typed rule if there are none."""
        fields = " ".join(rule.split())
        for every, pattern in _CRON_RULES.items():
            if found := pattern.fullmatch(fields):
                chosen = {name: str(int(value)) for name, value in found.groupdict().items()}
                hour = chosen.pop("hour", None)
                time = {} if hour is None else {"time": f"{hour:0>2}:{chosen.pop('minute'):0>2}"}
                weekday = {"weekday": str(int(chosen.pop("weekday")) % 7)} if "weekday" in chosen else {}
                return cls(every=every, **chosen, **time, **weekday)
        return cls()

    @classmethod
    def typed(cls, form: Mapping[str, str]) -> Self:
        """Read the submitted choices; a form without them has a typed rule."""
        given = {name: form.get(f"schedule-{name}", "").strip() for name in cls.__dataclass_fields__}
        return cls(**{name: value for name, value in given.items() if value})

    def rule(self) -> str:
        """Return the cron rule; what is not a number or a time stays as it was typed, so that the rule is refused."""
        time = _TIME.fullmatch(self.time)
        at = f"{int(time[2])} {int(time[1])}" if time else self.time
        return {
            "hour": f"{self.minute} * * * *",
            "day": f"{at} * * *",
            "weekday": f"{at} * * 1-5",
            "week": f"{at} * * {self.weekday}",
            "month": f"{at} {self.day} * *",
        }[self.every]
