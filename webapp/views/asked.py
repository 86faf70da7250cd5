"""What somebody asks of a list: an address understood, by the reader's calendar and rights."""

from dataclasses import dataclass
from datetime import datetime

from webapp.jobs.chosen import Chosen
from webapp.views.filters import Filter, NoDay
from webapp.views.reader import closed_types, zone
from webapp.views.texts import gettext as _


@dataclass(frozen=True, slots=True)
class Asked:
    """A list that somebody asks for: which jobs are meant, and what was wrong with the question."""

    filter: Filter
    chosen: Chosen
    problem: str = ""


def asked(given: Filter) -> Asked:
    """Understand a filter; a day that is none is said and left out."""
    today, closed = datetime.now(zone()), closed_types()
    try:
        chosen = given.chosen(today, closed)
    except NoDay as error:
        plain = type(given).of({**given.arguments(), "since": "", "until": "", "when": ""})
        sentence = _("“%(text)s” is not a day. Write it like 2026-12-31.", text=str(error))
        return Asked(given, plain.chosen(today, closed), sentence)
    if chosen.since and chosen.until and chosen.since >= chosen.until:
        return Asked(given, chosen, _("The first day comes after the last one, so nothing can match."))
    return Asked(given, chosen)
