"""The system: what runs here in which version, on what it stands, and what it will remove.

What the page of the system says: versions, and the parts underneath with what is wrong with them.

Settings for people to read: each with its variable, its value in words, and no secret.
"""

import json
import platform
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from importlib.metadata import version as version_of
from pathlib import Path
from threading import Lock
from time import monotonic

from flask import Blueprint, current_app, render_template
from flask.typing import ResponseReturnValue
from pydantic import SecretStr

from webapp.accounts.permissions import Right
from webapp.config import PREFIX, Settings
from webapp.jobs.maintenance import pruner
from webapp.jobs.maintenance.pruner import PruneForecast
from webapp.jobs.monitoring import components
from webapp.jobs.monitoring.clock_heartbeat import SILENT_AFTER, time_since_heartbeat
from webapp.jobs.monitoring.components import DatabaseInfo, DiskInfo, RedisInfo
from webapp.services import Services
from webapp.version import version
from webapp.views.page.permissions import require_for_all
from webapp.views.page.request import services
from webapp.views.text.date_format import rough_duration
from webapp.views.text.number_format import number, size
from webapp.views.text.translations import gettext as _
from webapp.views.text.translations import ngettext

bp = Blueprint("system", __name__, url_prefix="/admin/system")
require_for_all(bp, Right.SEE_INSTALLATION)
_GROWS_OLD = 300.0  # seconds: counting what goes may walk many rows


@bp.get("")
def index() -> ResponseReturnValue:
    """Show how the system is; what will be removed is asked for afterwards, as it may take a while."""
    return render_template(
        "admin/system/index.html", system=system_view(services()), settings=setting_rows(services().settings)
    )


@bp.get("/removal")
def removal() -> ResponseReturnValue:
    """Show what will be removed within a day, as a part of the page or as a page of its own."""
    found = _removal_forecast(services()).removal()
    return render_template("admin/system/removal.html", forecast=_removal_sentence(found))


def _removal_sentence(removal: PruneForecast) -> str:
    if not removal.jobs and not removal.files:
        return _("Nothing expires in the next 24 hours.")
    jobs = ngettext("%(num)s job", "%(num)s jobs", removal.jobs) if removal.jobs else _("no jobs")
    files = _("no files")
    if removal.files:
        files = ngettext("%(num)s file (%(size)s)", "%(num)s files (%(size)s)", removal.files, size=size(removal.bytes))
    return _("In the next 24 hours, maintenance will delete %(jobs)s and %(files)s.", jobs=jobs, files=files)


class _RemovalForecast:
    """Counts once in five minutes, however many look."""

    def __init__(self, ours: Services) -> None:
        self._ours = ours
        self._lock = Lock()
        self._until = 0.0
        self._found: PruneForecast | None = None

    def removal(self) -> PruneForecast:
        with self._lock:
            if self._found is None or monotonic() > self._until:
                ours = self._ours
                retention = ours.pruner.retention
                self._found = pruner.forecast_pruning(ours.engine, ours.files, retention, ours.registry)
                self._until = monotonic() + _GROWS_OLD
            return self._found


@cache
def _removal_forecast(ours: Services) -> _RemovalForecast:
    return _RemovalForecast(ours)


_FULL = 0.9  # of a disk or a memory: time to do something
NamedValues = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemView:
    """The parts, each as names and values; ``problems`` are sentences that say what to do."""

    versions: NamedValues
    database: NamedValues
    redis: NamedValues
    disk: NamedValues
    clock: NamedValues
    problems: tuple[str, ...]


def system_view(services: Services) -> SystemView:
    """Ask every part how it is."""
    database = components.inspect_database(services.engine)
    redis = components.inspect_redis(services.wake_ups.connection)
    disk = components.inspect_disk(services.engine, services.settings.storage)
    heard = time_since_heartbeat(services.engine)
    return SystemView(
        versions=_versions(),
        database=_database(database),
        redis=_redis(redis),
        disk=_disk(disk),
        clock={_("Last heartbeat"): _("never") if heard is None else _("%(time)s ago", time=rough_duration(heard))},
        problems=(*_problems(database, redis, disk), *_silent(heard)),
    )


def _silent(heard: timedelta | None) -> Iterator[str]:
    """Tell that no clock does its chores."""
    if heard is None or heard > SILENT_AFTER:
        yield _(
            "The scheduler is not running: scheduled jobs do not start and lost jobs are not detected. "
            "Start it: deskjob clock"
        )


def _versions() -> NamedValues:
    libraries = {"Flask": "flask", "RQ": "rq", "SQLAlchemy": "sqlalchemy"}
    own = {"Deskjob": version(), "Python": platform.python_version()}
    return {**own, **{name: version_of(package) for name, package in libraries.items()}, "htmx": _htmx()}


@cache
def _htmx() -> str:
    vendored = json.loads(Path(current_app.static_folder or "", "vendor", "vendor.json").read_text())
    return next((str(one["version"]) for one in vendored if one["name"] == "htmx.org"), "")


def _database(found: DatabaseInfo) -> NamedValues:
    return {
        _("Version"): f"{found.kind} {found.version}",
        _("Size"): size(found.bytes),
        _("Schema revision"): found.revision,
        _("Pending migrations"): ", ".join(found.pending) or _("none"),
    }


def _redis(found: RedisInfo | None) -> NamedValues:
    if found is None:
        return {_("State"): _("cannot be reached")}
    used, most = size(found.bytes), size(found.most_bytes)
    return {
        _("Version"): f"{found.kind} {found.version}",
        _("Memory"): _("%(used)s of %(most)s", used=used, most=most)
        if found.most_bytes
        else _("%(used)s, no limit", used=used),
        _("Keys"): number(found.keys),
    }


def _disk(found: DiskInfo | None) -> NamedValues:
    if found is None:
        return {_("State"): _("no files yet")}
    return {
        _("Job files"): ngettext(
            "%(num)s file, %(size)s", "%(num)s files, %(size)s", found.files, size=size(found.bytes)
        ),
        _("Free"): _("%(free)s of %(total)s", free=size(found.free), total=size(found.total)),
    }


def _problems(database: DatabaseInfo, redis: RedisInfo | None, disk: DiskInfo | None) -> Iterator[str]:
    if database.pending:
        yield _("Migrations are pending. Run: deskjob db upgrade")
    elif database.revision != database.head:
        yield _("The database is newer than this version of Deskjob. Upgrade Deskjob.")
    if redis is None:
        yield _("Redis cannot be reached. Jobs wait in the database until it is back; no jobs are lost.")
    elif redis.most_bytes and redis.bytes > _FULL * redis.most_bytes:
        yield _("Redis is almost full. Give it more memory.")
    if disk and disk.total and disk.free < (1 - _FULL) * disk.total:
        yield _("The disk that stores job files is almost full. Free up space or keep jobs for a shorter time.")


@dataclass(frozen=True, slots=True)
class SettingRow:
    """One setting; ``changed`` is whether it is another than without any environment."""

    variable: str
    value: str
    changed: bool


def setting_rows(settings: Settings) -> tuple[SettingRow, ...]:
    """Describe every setting."""
    return tuple(_described(settings))


def _described(settings: Settings) -> Iterator[SettingRow]:
    for name, field in type(settings).model_fields.items():
        value = getattr(settings, name)
        yield SettingRow(PREFIX + name.upper(), _shown(name, value), value != field.default)


def _shown(name: str, value: object) -> str:
    if isinstance(value, SecretStr) or "secret" in name or "password" in name or "token" in name:
        return _("set, hidden") if value else _("not set")
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or _("not set")
    return re.sub(r"//[^/]*@", "//***@", str(value)) or _("not set")
