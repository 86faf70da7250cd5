"""The audit: who did what to what, from where."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from webapp.accounts.audit import Action, Kind
from webapp.accounts.audit_trail import PAGE, Entry, Narrowed
from webapp.accounts.rights import Right
from webapp.views.admin.audit_words import ACTIONS, KINDS
from webapp.views.admin.periods import end_of, first_of
from webapp.views.auditing import note
from webapp.views.csv_answer import csv_answer
from webapp.views.current import services
from webapp.views.reader import reader
from webapp.views.rights import require_for_all

bp = Blueprint("audit", __name__)
require_for_all(bp, Right.READ_AUDIT)
_FIELDS = ("person", "action", "kind", "object", "since", "until")
_COLUMNS = ("at", "actor", "role", "address", "action", "kind", "object_id", "object_name", "before", "after")


@dataclass(frozen=True, slots=True)
class Asked:
    """The filter as the address has it."""

    given: Mapping[str, str]

    @property
    def is_narrowed(self) -> bool:
        """Something is left out."""
        return any(self.given.values())

    def arguments(self, **more: object) -> dict[str, object]:
        """Return the address' arguments for the same filter."""
        return {name: value for name, value in {**self.given, **more}.items() if value}

    def narrowed(self, zone: ZoneInfo) -> Narrowed:
        """Return which lines are meant; days are those of ``zone``."""
        return Narrowed(
            actor=self.given["person"],
            action=self.given["action"],
            kind=self.given["kind"],
            object_id=self.given["object"],
            since=first_of(self.given["since"], zone),
            until=end_of(self.given["until"], zone),
        )


@bp.get("/admin/audit")
def index() -> ResponseReturnValue:
    """List the lines, the newest first."""
    asked, reading = _asked(), reader()
    before = request.args.get("before", type=int)
    found = services().audit_trail.page(asked.narrowed(reading.zone), before=before, limit=PAGE + 1)
    return render_template(
        "audit/index.html",
        entries=[(entry, reading.time(entry.at)) for entry in found[:PAGE]],
        older=found[PAGE - 1].id if len(found) > PAGE else None,
        asked=asked,
        before=before,
        actions=ACTIONS,
        kinds=KINDS,
        zone=reading.zone.key,
    )


@bp.get("/admin/audit.csv")
def export() -> ResponseReturnValue:
    """Send all lines that the filter lets through."""
    asked = _asked()
    note(Action.AUDIT_EXPORT, Kind.AUDIT, after=asked.arguments())
    return csv_answer("audit.csv", _COLUMNS, _rows(services().audit_trail.all(asked.narrowed(reader().zone))))


def _rows(entries: Iterator[Entry]) -> Iterator[list[Any]]:
    for entry in entries:
        yield [getattr(entry, column) for column in _COLUMNS]


def _asked() -> Asked:
    return Asked({name: request.args.get(name, "").strip()[:200] for name in _FIELDS})
