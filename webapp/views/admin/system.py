"""The system: what runs here in which version, on what it stands, and what it will remove."""

from functools import cache
from threading import Lock
from time import monotonic

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from webapp.accounts.rights import Right
from webapp.jobs import foresight
from webapp.jobs.foresight import Removal
from webapp.services import Services
from webapp.views.admin.settings_view import settings_view
from webapp.views.admin.system_view import system_view
from webapp.views.current import services
from webapp.views.locales import size
from webapp.views.rights import require_for_all

bp = Blueprint("system", __name__, url_prefix="/admin/system")
require_for_all(bp, Right.SEE_INSTALLATION)
_GROWS_OLD = 300.0  # seconds: counting what goes may walk many rows


@bp.get("")
def index() -> ResponseReturnValue:
    """Show how the system is; what will be removed is asked for afterwards, as it may take a while."""
    return render_template(
        "system/index.html", system=system_view(services()), settings=settings_view(services().settings)
    )


@bp.get("/removal")
def removal() -> ResponseReturnValue:
    """Show what will be removed within a day, as a part of the page or as a page of its own."""
    found = _foresight(services()).removal()
    return render_template("system/removal.html", removal=found, size=size(found.bytes))


class _Foresight:
    """Counts once in five minutes, however many look."""

    def __init__(self, ours: Services) -> None:
        self._ours = ours
        self._lock = Lock()
        self._until = 0.0
        self._found: Removal | None = None

    def removal(self) -> Removal:
        with self._lock:
            if self._found is None or monotonic() > self._until:
                ours = self._ours
                retention = ours.housekeeping.retention
                self._found = foresight.removal(ours.engine, ours.files, retention, ours.registry)
                self._until = monotonic() + _GROWS_OLD
            return self._found


@cache
def _foresight(ours: Services) -> _Foresight:
    return _Foresight(ours)
