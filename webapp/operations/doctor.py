"""Check an installation: settings, folders, database, Redis, processes, clocks.

Each examination is a function that yields diagnoses. It changes no data and needs no running process.
"""

import resource
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryFile
from urllib.parse import urlsplit

from redis import Redis, RedisError
from sqlalchemy.exc import DBAPIError

from webapp.config import BadSettingError, Settings, Unready, unknown_settings
from webapp.db import session_settings
from webapp.db.engine import is_sqlite, reading
from webapp.db.partitions import PartitionMonth
from webapp.db.sqlite_file import missing_file
from webapp.jobs.files.configured_files import files_at
from webapp.jobs.launching.launchers import BadLaunchers, missing_program, read_launchers
from webapp.jobs.maintenance.month_partitions import months_of_jobs
from webapp.jobs.monitoring.clock_heartbeat import SILENT_AFTER
from webapp.jobs.monitoring.clock_skew import LARGE_SKEW, measure_skew
from webapp.jobs.monitoring.components import inspect_database, inspect_redis
from webapp.jobs.store.file_store import StorageUnavailable
from webapp.private_files import exposed_files
from webapp.schema import database_time
from webapp.secret_key import KEY_FILES
from webapp.services import Services
from webapp.sign_in.sign_on_settings import openid_provider
from webapp.version import version

_OTHERS = 0o077  # permissions of everybody but the owner
_LITTLE_SPACE = 1024**3  # bytes
_FULL_SHARE = 0.95
_SKEW_WARNING = timedelta(seconds=2)
_FEW_FILES = 1024
_ADVICE_TO_MOVE = "Run ./deskjob files move, then unset DESKJOB_STORAGE_URL_OLD."


class Level(StrEnum):
    """How bad a finding is."""

    GOOD = "good"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """The result of a check; ``advice`` is what to do about it."""

    level: Level
    subject: str
    text: str
    advice: str = ""


def examine(services: Services, environment: Mapping[str, str]) -> Iterator[Diagnosis]:
    """Yield a diagnosis for each check; a check follows those that it depends on."""
    yield from _settings(services.settings, environment)
    yield from _folders(services.settings)
    yield from _storage(services)
    yield from _job_types(services)
    yield from _launchers(services.settings)
    yield from _sign_on(services.settings)
    yield from _mail(services.settings)
    try:
        yield from _database(services)
    except (DBAPIError, Unready) as error:
        yield _problem(
            "database",
            f"The database does not answer: {_first_line(error)}.",
            "Start it, or correct DESKJOB_DATABASE_URL.",
        )
        return
    yield from _redis(services)
    yield from _processes(services)
    yield from _limits()


def _settings(settings: Settings, environment: Mapping[str, str]) -> Iterator[Diagnosis]:
    unknown = unknown_settings(environment)
    for sentence in unknown:
        yield _warning("settings", sentence)
    if settings.database_url.startswith("postgresql") and not settings.secret_key:
        yield _warning(
            "settings",
            "DESKJOB_SECRET_KEY is not set, so each machine makes a key of its own.",
            "With more than one machine, set the same key on all of them.",
        )
    address = urlsplit(settings.public_url)
    if address.scheme == "http" and address.hostname not in {"localhost", "127.0.0.1", "::1"}:
        yield _warning("settings", "DESKJOB_PUBLIC_URL begins with http, so passwords travel unencrypted.", "Use TLS.")
    if settings.trusted_proxies and not settings.public_url:
        yield _warning(
            "settings", "There is a proxy, but no DESKJOB_PUBLIC_URL.", "Set it to the address that users type."
        )
    if not unknown:
        yield _good("settings", "All settings are known.")


def _folders(settings: Settings) -> Iterator[Diagnosis]:
    for name, folder in settings.folders:
        if not folder.exists():
            yield _warning("folders", f"{folder} ({name}) does not exist yet.", "The first start creates it.")
            continue
        try:
            with TemporaryFile(dir=folder):
                pass
        except OSError as error:
            yield _problem("folders", f"{folder} ({name}) cannot be written: {error.strerror}.", "Make it writable.")
            continue
        if folder.stat().st_mode & _OTHERS:
            yield _warning("folders", f"Other users of this machine can read {folder}.", f"Run: chmod go-rwx {folder}")
        yield _space(name, folder)
    for path in exposed_files(settings.data_dir):
        subject = "secret key" if path.name in KEY_FILES else "files"
        yield _problem(subject, f"Other users of this machine can read {path}.", f"Run: chmod 600 {path}")


def _storage(services: Services) -> Iterator[Diagnosis]:
    settings = services.settings
    places = [place for place in (settings.storage, settings.storage_url_old) if place]
    for place in filter(settings.is_bucket, places):
        try:
            files_at(settings, place).check()
        except (StorageUnavailable, BadSettingError) as error:
            yield _problem("files", f"{place} cannot be used. {error}", "Correct the settings DESKJOB_STORAGE_….")
        else:
            yield _good("files", f"{place} can be read and written.")
    if settings.storage_url_old:
        yield _warning("files", f"Files are in {settings.storage} and in {settings.storage_url_old}.", _ADVICE_TO_MOVE)
    if settings.accel_redirect and settings.is_bucket(settings.storage):
        yield _warning("files", "nginx cannot send files of a bucket.", "Unset DESKJOB_ACCEL_REDIRECT.")


def _space(name: str, folder: Path) -> Diagnosis:
    disk = shutil.disk_usage(folder)
    free, total = disk.free, disk.total
    text = f"{free / 1e9:,.1f} of {total / 1e9:,.1f} GB are free in {folder} ({name})."
    if free < _LITTLE_SPACE or free < (1 - _FULL_SHARE) * total:
        return _problem("disk", text, "Delete old jobs and files with ./deskjob maintain, or give it more space.")
    return _good("disk", text)


def _job_types(services: Services) -> Iterator[Diagnosis]:
    try:
        count = len(list(services.registry))
    except BadSettingError as error:
        yield _problem("job types", str(error), "Install the module, or correct DESKJOB_JOBTYPES.")
    else:
        yield _good("job types", f"{count} job types are installed.")


def _launchers(settings: Settings) -> Iterator[Diagnosis]:
    try:
        launchers = read_launchers(settings.launchers)
    except BadLaunchers as error:
        yield _problem("launchers", str(error), "Correct the file, or DESKJOB_LAUNCHERS.")
        return
    for queue, launcher in launchers.items():
        if missing := missing_program(launcher):
            text = f"The launcher of queue {queue} needs {missing}, which is not installed here."
            yield _problem("launchers", text, "Install it, or run the workers of this queue on a machine that has it.")
        else:
            yield _good("launchers", f"The jobs of queue {queue} are launched by {launcher.start[0]}.")


def _sign_on(settings: Settings) -> Iterator[Diagnosis]:
    try:
        provider = openid_provider(settings)
    except BadSettingError as error:
        yield _problem("single sign-on", str(error))
        return
    if provider is None:
        return
    if why := provider.problem():
        text = f"The OpenID provider {provider.issuer} cannot be used: {why}."
        advice = "Start it, or correct DESKJOB_OIDC_ISSUER. Users who are signed in continue."
        yield _problem("single sign-on", text, advice)
    else:
        yield _good("single sign-on", f"The OpenID provider {provider.issuer} answers.")


def _mail(settings: Settings) -> Iterator[Diagnosis]:
    if not settings.smtp_url:
        return
    from webapp.notifications.channels.delivery_errors import NotDelivered  # noqa: PLC0415  (not without a mail server)
    from webapp.notifications.channels.mail import MailServer, check  # noqa: PLC0415

    server = MailServer.of(settings.smtp_url)
    try:
        check(server)
    except NotDelivered as error:
        advice = "Correct DESKJOB_SMTP_URL, or start the mail server. Mail waits meanwhile."
        yield _problem("mail", str(error), advice)
    else:
        yield _good("mail", f"The mail server {server.host} answers.")


def _database(services: Services) -> Iterator[Diagnosis]:
    if path := missing_file(services.engine):
        yield _problem("database", f"There is no database at {path}.", "Run ./deskjob up or ./deskjob db upgrade.")
        return
    found = inspect_database(services.engine)
    name = f"{found.kind} {found.version}"
    if not found.revision:
        yield _problem("database", f"{name} has no tables yet.", "Run ./deskjob db upgrade.")
    elif found.pending:
        yield _problem("database", f"{name} lacks {len(found.pending)} migrations.", "Run ./deskjob db upgrade.")
    elif found.revision != found.head:
        yield _problem("database", f"{name} was migrated by a newer version.", "Install that version here.")
    else:
        yield _good("database", f"{name} answers; its tables are up to date; {found.bytes / 1e6:,.0f} MB.")
    if not is_sqlite(services.engine):
        with reading(services.engine) as connection:
            lost = session_settings.problem(connection, pooled=services.settings.database_pooled)
        if lost:
            yield _problem("database", lost)
        yield from _partitions(services)
        yield _skew(services)


def _partitions(services: Services) -> Iterator[Diagnosis]:
    with reading(services.engine) as connection:
        months = months_of_jobs(connection)
        current = PartitionMonth.of(database_time(connection))
    if not months:
        if services.settings.database_partitions:
            text = "DESKJOB_DATABASE_PARTITIONS is set, but the tables have no partitions."
            yield _warning("database", text, "Unset it, or restore a backup into an empty database with this setting.")
    elif current.after() not in months:
        text = "The tables have no partition for the next month, whose jobs will be deleted one by one."
        yield _warning("database", text, "Let maintenance run, or start it with ./deskjob maintain.")
    else:
        yield _good("database", f"The tables of jobs have {len(months)} partitions by month.")


def _skew(services: Services) -> Diagnosis:
    with reading(services.engine) as connection:
        skew = abs(measure_skew(connection))
    text = f"The clock of the database differs from that of this machine by {skew.total_seconds():,.1f} s."
    if skew < _SKEW_WARNING:
        return _good("time", text)
    advice = "Let both set their clocks by NTP. Jobs follow the clock of the database."
    return _problem("time", text, advice) if skew >= LARGE_SKEW else _warning("time", text, advice)


def _redis(services: Services) -> Iterator[Diagnosis]:
    embedded = not services.settings.redis_url
    redis = services.redis
    found = inspect_redis(redis)
    if found is None and embedded:
        yield _warning("Redis", "The embedded Valkey is not running.", "./deskjob up starts it.")
    elif found is None:
        yield _problem(
            "Redis", "Redis does not answer.", "Start it, or correct DESKJOB_REDIS_URL. Jobs wait meanwhile."
        )
    else:
        yield _good("Redis", f"{found.kind} {found.version} answers.")
        if found.max_bytes and found.bytes > _FULL_SHARE * found.max_bytes:
            yield _problem("Redis", "The memory of Redis is nearly full.", "Raise maxmemory.")
        yield from _eviction(redis)


def _eviction(redis: Redis) -> Iterator[Diagnosis]:
    try:
        policy = redis.config_get("maxmemory-policy").get("maxmemory-policy", "noeviction")
    except RedisError:
        return  # a user of Redis needs no permission to read its configuration
    if policy != "noeviction":
        yield _warning("Redis", f"Redis may evict keys ({policy}).", "Set maxmemory-policy noeviction.")


def _processes(services: Services) -> Iterator[Diagnosis]:
    try:
        snapshot = services.health_check.take_snapshot()
    except DBAPIError:
        return  # there are no tables
    workers = [worker for worker in snapshot.workers if worker.state != "lost"]
    if not workers:
        yield _warning("workers", "No worker is running, so jobs wait.", "Start ./deskjob up or ./deskjob worker.")
    else:
        hosts = sorted({worker.host for worker in workers})
        yield _good("workers", f"{len(workers)} workers are running on {', '.join(hosts)}.")
    others = sorted({worker.version for worker in workers if worker.version and worker.version != version()})
    if others:
        text = f"Workers run another version ({', '.join(others)}) than this command ({version()})."
        yield _warning("workers", text, "Restart them after an upgrade.")
    silent = snapshot.clock_silent_for
    if silent is None or silent > SILENT_AFTER:
        advice = "Start ./deskjob up or ./deskjob clock: without it, no schedule fires and lost jobs are not rescued."
        yield _warning("clock", "No clock is running.", advice)
    else:
        yield _good("clock", "A clock is running.")


def _limits() -> Iterator[Diagnosis]:
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard <= _FEW_FILES:
        text = f"A process may open {hard:,} files only, so web keeps fewer connections."
        yield _warning("limits", text, "Raise the hard limit (ulimit -Hn, LimitNOFILE).")


def _first_line(error: Exception) -> str:
    reason = error.orig if isinstance(error, DBAPIError) else error
    return str(reason).strip().split("\n", 1)[0].rstrip(".")


def _good(subject: str, text: str) -> Diagnosis:
    return Diagnosis(level=Level.GOOD, subject=subject, text=text)


def _warning(subject: str, text: str, advice: str = "") -> Diagnosis:
    return Diagnosis(level=Level.WARNING, subject=subject, text=text, advice=advice)


def _problem(subject: str, text: str, advice: str = "") -> Diagnosis:
    return Diagnosis(level=Level.PROBLEM, subject=subject, text=text, advice=advice)
