"""What the page of the system says: versions, and the parts underneath with what is wrong with them."""

import json
import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from importlib.metadata import version as version_of
from pathlib import Path

from flask import current_app

from webapp.jobs import underneath
from webapp.jobs.clocks import SILENT, silence
from webapp.jobs.underneath import Database, Disk, RedisServer
from webapp.services import Services
from webapp.version import version
from webapp.views.locales import number, size
from webapp.views.moments import rough
from webapp.views.texts import gettext as _
from webapp.views.texts import ngettext

_FULL = 0.9  # of a disk or a memory: time to do something
Facts = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemView:
    """The parts, each as names and values; ``problems`` are sentences that say what to do."""

    versions: Facts
    database: Facts
    redis: Facts
    disk: Facts
    clock: Facts
    problems: tuple[str, ...]


def system_view(services: Services) -> SystemView:
    """Ask every part how it is."""
    database = underneath.database(services.engine)
    redis = underneath.redis_server(services.wake_ups.connection)
    disk = underneath.disk(services.engine, services.settings.storage)
    heard = silence(services.engine)
    return SystemView(
        versions=_versions(),
        database=_database(database),
        redis=_redis(redis),
        disk=_disk(disk),
        clock={_("Last heard of"): _("never") if heard is None else _("%(time)s ago", time=rough(heard))},
        problems=(*_problems(database, redis, disk), *_silent(heard)),
    )


def _silent(heard: timedelta | None) -> Iterator[str]:
    """Tell that no clock does its chores."""
    if heard is None or heard > SILENT:
        yield _(
            "No clock is running: what is due does not start, and what is lost is not found. Run one: deskjob clock"
        )


def _versions() -> Facts:
    libraries = {"Flask": "flask", "RQ": "rq", "SQLAlchemy": "sqlalchemy"}
    own = {"Deskjob": version(), "Python": platform.python_version()}
    return {**own, **{name: version_of(package) for name, package in libraries.items()}, "htmx": _htmx()}


@cache
def _htmx() -> str:
    vendored = json.loads(Path(current_app.static_folder or "", "vendor", "vendor.json").read_text())
    return next((str(one["version"]) for one in vendored if one["name"] == "htmx.org"), "")


def _database(found: Database) -> Facts:
    return {
        _("Kind"): f"{found.kind} {found.version}",
        _("Size"): size(found.bytes),
        _("Revision"): found.revision,
        _("Migrations pending"): ", ".join(found.pending) or _("none"),
    }


def _redis(found: RedisServer | None) -> Facts:
    if found is None:
        return {_("State"): _("cannot be reached")}
    used, most = size(found.bytes), size(found.most_bytes)
    return {
        _("Kind"): f"{found.kind} {found.version}",
        _("Memory"): _("%(used)s of %(most)s", used=used, most=most)
        if found.most_bytes
        else _("%(used)s, no limit", used=used),
        _("Keys in it"): number(found.keys),
    }


def _disk(found: Disk | None) -> Facts:
    if found is None:
        return {_("State"): _("not there yet: no job has left a file")}
    return {
        _("Files of jobs"): ngettext(
            "%(num)s file, %(size)s", "%(num)s files, %(size)s", found.files, size=size(found.bytes)
        ),
        _("Free"): _("%(free)s of %(total)s", free=size(found.free), total=size(found.total)),
    }


def _problems(database: Database, redis: RedisServer | None, disk: Disk | None) -> Iterator[str]:
    if database.pending:
        yield _("Migrations are pending. Run: deskjob db upgrade")
    elif database.revision != database.head:
        yield _("The database is newer than this program. Bring the program up to date.")
    if redis is None:
        yield _("Redis cannot be reached. Jobs wait in the database until it is back; nothing is lost.")
    elif redis.most_bytes and redis.bytes > _FULL * redis.most_bytes:
        yield _("Redis is almost full. Give it more memory.")
    if disk and disk.total and disk.free < (1 - _FULL) * disk.total:
        yield _("The disk of the files is almost full. Make room, or keep jobs for a shorter time.")
