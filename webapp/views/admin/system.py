"""The system page: versions, state of database, Redis, disk and scheduler, settings, and upcoming deletions."""

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
from webapp.views.page.request import services, wants_fragment
from webapp.views.text.date_format import rough_duration
from webapp.views.text.number_format import number, size
from webapp.views.text.translations import gettext as _
from webapp.views.text.translations import ngettext

bp = Blueprint("system", __name__, url_prefix="/admin/system")
require_for_all(bp, Right.SEE_INSTALLATION)
NamedValues = Mapping[str, str]
_FORECAST_SECONDS = 300.0
_ALMOST_FULL = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemView:
    """The components, each as names and values; ``problems`` are sentences that say what to do."""

    versions: NamedValues
    database: NamedValues
    redis: NamedValues
    disk: NamedValues
    scheduler: NamedValues
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SettingRow:
    """One setting and its effective value, without secrets; the value is empty if nothing is set."""

    variable: str
    value: str
    is_default: bool


class _CachedForecast:
    """Counts upcoming deletions at most once in five minutes."""

    def __init__(self, of: Services) -> None:
        self._services = of
        self._lock = Lock()
        self._expires_at = 0.0
        self._forecast: PruneForecast | None = None

    def get(self) -> PruneForecast:
        with self._lock:
            if self._forecast is None or monotonic() > self._expires_at:
                of = self._services
                self._forecast = pruner.forecast_pruning(of.engine, of.files, of.pruner.retention, of.registry)
                self._expires_at = monotonic() + _FORECAST_SECONDS
            return self._forecast


@bp.get("")
def index() -> ResponseReturnValue:
    """Show the system; the page loads the upcoming deletions afterwards, because counting them can take a while."""
    return render_template(
        "admin/system/index.html", system=_system_view(services()), settings=setting_rows(services().settings)
    )


@bp.get("/removal")
def removal() -> ResponseReturnValue:
    """Show what will be deleted in the next 24 hours, as a page or as a fragment of the system page."""
    forecast = _cached_forecast(services()).get()
    template = "admin/system/_removal_figures.html" if wants_fragment() else "admin/system/removal.html"
    return render_template(template, forecast=_forecast_sentence(forecast))


def setting_rows(settings: Settings) -> tuple[SettingRow, ...]:
    """Describe every setting."""
    return tuple(_setting_rows(settings))


@cache
def _cached_forecast(of: Services) -> _CachedForecast:
    return _CachedForecast(of)


def _forecast_sentence(forecast: PruneForecast) -> str:
    if not forecast.jobs and not forecast.files:
        return _("Nothing expires in the next 24 hours.")
    jobs = ngettext("%(num)s job", "%(num)s jobs", forecast.jobs) if forecast.jobs else _("no jobs")
    files = _("no files")
    if forecast.files:
        bytes_ = size(forecast.bytes)
        files = ngettext("%(num)s file (%(size)s)", "%(num)s files (%(size)s)", forecast.files, size=bytes_)
    return _("In the next 24 hours, maintenance will delete %(jobs)s and %(files)s.", jobs=jobs, files=files)


def _system_view(services: Services) -> SystemView:
    database = components.inspect_database(services.engine)
    redis = components.inspect_redis(services.redis)
    disk = components.inspect_disk(services.engine, services.files.folder or services.settings.data_dir)
    silence = time_since_heartbeat(services.engine)
    heartbeat = _("never") if silence is None else _("%(time)s ago", time=rough_duration(silence))
    return SystemView(
        versions=_versions(),
        database=_database(database),
        redis=_redis(redis),
        disk=_disk(disk),
        scheduler={_("Last heartbeat"): heartbeat},
        problems=(*_problems(database, redis, disk), *_scheduler_problem(silence)),
    )


def _versions() -> NamedValues:
    libraries = {"Flask": "flask", "RQ": "rq", "SQLAlchemy": "sqlalchemy"}
    own = {"Deskjob": version(), "Python": platform.python_version()}
    return {**own, **{name: version_of(package) for name, package in libraries.items()}, "htmx": _htmx_version()}


@cache
def _htmx_version() -> str:
    vendored = json.loads(Path(current_app.static_folder or "", "vendor", "vendor.json").read_text())
    return next((str(library["version"]) for library in vendored if library["name"] == "htmx.org"), "")


def _database(info: DatabaseInfo) -> NamedValues:
    return {
        _("Version"): f"{info.kind} {info.version}",
        _("Size"): size(info.bytes),
        _("Schema revision"): info.revision,
        _("Pending migrations"): ", ".join(info.pending) or _("none"),
    }


def _redis(info: RedisInfo | None) -> NamedValues:
    if info is None:
        return {_("State"): _("cannot be reached")}
    used, most = size(info.bytes), size(info.max_bytes)
    return {
        _("Version"): f"{info.kind} {info.version}",
        _("Memory"): _("%(used)s of %(most)s", used=used, most=most)
        if info.max_bytes
        else _("%(used)s, no limit", used=used),
        _("Keys"): number(info.keys),
    }


def _disk(info: DiskInfo | None) -> NamedValues:
    if info is None:
        return {_("State"): _("no files yet")}
    return {
        _("Job files"): ngettext(
            "%(num)s file, %(size)s", "%(num)s files, %(size)s", info.files, size=size(info.bytes)
        ),
        _("Free"): _("%(free)s of %(total)s", free=size(info.free), total=size(info.total)),
    }


def _problems(database: DatabaseInfo, redis: RedisInfo | None, disk: DiskInfo | None) -> Iterator[str]:
    if database.pending:
        yield _("Migrations are pending. Run: deskjob db upgrade")
    elif database.revision != database.head:
        yield _("The database is newer than this version of Deskjob. Upgrade Deskjob.")
    if redis is None:
        yield _("Redis cannot be reached. Jobs wait in the database until it is back; no jobs are lost.")
    elif redis.max_bytes and redis.bytes > _ALMOST_FULL * redis.max_bytes:
        yield _("Redis is almost full. Give it more memory.")
    if disk and disk.total and disk.free < (1 - _ALMOST_FULL) * disk.total:
        yield _("The disk that stores job files is almost full. Free up space or keep jobs for a shorter time.")


def _scheduler_problem(silence: timedelta | None) -> Iterator[str]:
    if silence is None or silence > SILENT_AFTER:
        yield _(
            "The scheduler is not running: scheduled jobs do not start and lost jobs are not detected. "
            "Start it: deskjob clock"
        )


def _setting_rows(settings: Settings) -> Iterator[SettingRow]:
    effective = {"database_url": settings.database, "redis_url": settings.redis, "storage_url": settings.storage}
    for name, field in type(settings).model_fields.items():
        value = getattr(settings, name)
        shown = _display_value(name, value or effective.get(name, value))
        yield SettingRow(PREFIX + name.upper(), shown, value == field.default)


def _display_value(name: str, value: object) -> str:
    if isinstance(value, SecretStr) or "secret" in name or "password" in name or "token" in name:
        return _("set, hidden") if value else ""
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return re.sub(r"//[^/]*@", "//***@", str(value))
