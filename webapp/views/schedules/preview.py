"""What a rule means: its words and its next times, or the sentence that says what is wrong with it."""

from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from flask_babel import format_datetime

from webapp.jobs.schedules.rule import BadRule, BadZone, Rule
from webapp.views.moments import Moment
from webapp.views.reader import Reader
from webapp.views.schedules.rule_words import words
from webapp.views.written import translated

COMING = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Coming:
    """One time to come, on the clock of the rule and on the reader's; ``elsewhere`` where they differ."""

    at: Moment
    there: str
    elsewhere: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """A rule, explained. With ``wrong`` there is nothing else."""

    words: str = ""
    zone: str = ""
    coming: tuple[Coming, ...] = ()
    wrong: str = ""


def preview(rule: str, zone: str, reader: Reader) -> Preview:
    """Explain what somebody types."""
    try:
        return explained(Rule.of(rule, zone), reader)
    except (BadRule, BadZone) as error:
        return Preview(wrong=translated(str(error)))


def explained(rule: Rule, reader: Reader) -> Preview:
    """Explain a rule that is kept; its zone may have vanished since."""
    try:
        coming = rule.next(reader.now, COMING)
    except BadZone as error:
        return Preview(wrong=translated(str(error)))
    return Preview(words=words(rule), zone=rule.zone, coming=tuple(_coming(at, rule, reader) for at in coming))


def _coming(at: datetime, rule: Rule, reader: Reader) -> Coming:
    there, here = at.astimezone(ZoneInfo(rule.zone)), at.astimezone(reader.zone)
    return Coming(
        at=replace(reader.when(at), text=format_datetime(here, "EEE HH:mm", rebase=False)),
        there=format_datetime(there, "EEE d MMM y, HH:mm", rebase=False),
        elsewhere=there.utcoffset() != here.utcoffset(),
    )
