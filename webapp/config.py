"""All settings, read once from the environment. An error names the bad setting."""

import os
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from difflib import get_close_matches
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

PREFIX = "DESKJOB_"
MIN_KEY_LENGTH = 32
DEMO_JOB_TYPES = ("webapp.demo.payout", "webapp.demo.order_check")
_TAKEN_ONCE = ("admin_password",)
_taken: dict[str, str] = {}  # their values, for the next call
_ROLES = ("user", "auditor", "operator", "admin")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_MOST_DAYS = 700_000  # before today is a date that databases and Python know; a million days are not
_SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86_400}
_READ_ELSEWHERE = frozenset({"FAULTS", "TEST_BROWSER", "SERVER", "TOKEN"})  # by tests and commands
_SECRET_WORDS = ("key", "password", "token", "dsn", "secret")
_MAIL_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+(\.[\w-]+)*", re.ASCII).fullmatch
_BUCKET_URL = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])((?:/[\w.-]+)*)/?", re.ASCII).fullmatch
_PLAIN_PATH = re.compile(r"(/[\w.~-]*[\w~-][\w.~-]*)*", re.ASCII).fullmatch


class BadSettingError(Exception):
    """Raised when a setting has a value that cannot be used; the message names it and says what to do."""


class Unready(Exception):
    """Raised when Deskjob cannot start, for example without tables; the message says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Settings:
    """A place in an object storage; what is empty is taken from the usual variables and services of AWS."""

    bucket: str
    prefix: str
    endpoint: str
    region: str
    access_key: str
    secret_key: str


class Settings(BaseSettings):
    """Each field is read from ``DESKJOB_<FIELD>``; sizes are bytes, periods seconds."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore")

    data_dir: Path = Path("var")
    database_url: str = ""
    database_pooled: bool = False
    database_partitions: Literal["", "month"] = ""
    redis_url: str = ""
    storage_url: str = ""
    storage_url_old: str = ""
    storage_endpoint: str = ""
    storage_region: str = ""
    storage_access_key: str = ""
    storage_secret_key: SecretStr | None = None
    secret_key: SecretStr | None = Field(default=None, min_length=MIN_KEY_LENGTH)
    secret_key_old: SecretStr | None = None
    admin_password: SecretStr | None = Field(default=None, min_length=12, max_length=128)
    jobtypes: Annotated[tuple[str, ...], NoDecode] = ()
    workers: int = Field(default=2, ge=1, le=64)
    max_upload_bytes: int = Field(default=2 * 1024**3, ge=1)
    lease_seconds: float = Field(default=30.0, ge=2.0, le=3600.0)
    horse_jobs: int = Field(default=5000, ge=1)
    horse_seconds: float = Field(default=10.0, gt=0, le=3600)
    horse_megabytes: int = Field(default=1024, ge=64)
    horse_linger_seconds: float = Field(default=0.5, ge=0.0, le=60.0)
    own_process: bool = False
    launchers: Path | None = None
    stop_grace_seconds: float = Field(default=20.0, ge=0.0, le=3600.0)
    stale_after: str = "7d"
    retention_days: int = Field(default=30, ge=1, le=_MOST_DAYS)
    figures_days: int = Field(default=400, ge=32, le=_MOST_DAYS)
    budgets: bool = False
    budget_jobs: int | None = Field(default=None, ge=1, le=1_000_000_000)
    budget_cpu_seconds: float | None = Field(default=None, gt=0, le=1e9, allow_inf_nan=False)
    budget_memory_gb_hours: float | None = Field(default=None, gt=0, le=1e9, allow_inf_nan=False)
    own_schedules: int = Field(default=10, ge=0, le=1000)
    own_schedule_seconds: int = Field(default=3600, ge=60, le=_MOST_DAYS * 86_400)
    session_idle_seconds: int = Field(default=30 * 60, ge=60, le=_MOST_DAYS * 86_400)
    session_absolute_seconds: int = Field(default=12 * 3600, ge=60, le=_MOST_DAYS * 86_400)
    login_limit: str = "5 per minute; 30 per hour"
    address_limit: str = "30 per minute"
    api_limit: str = "3000 per minute"
    log_format: Literal["text", "json"] = "text"
    traces_url: str = ""
    sentry_dsn: SecretStr | None = None
    metrics_token: SecretStr | None = Field(default=None, min_length=16)
    metrics_addresses: str = "127.0.0.0/8, ::1"
    public_url: str = ""
    trusted_proxies: str = ""
    oidc_issuer: str = ""
    oidc_client_id: str = ""
    oidc_client_secret: SecretStr | None = None
    oidc_client_secret_file: Path | None = None
    oidc_scopes: str = "openid profile email"
    oidc_label: str = ""
    oidc_name_claim: str = "preferred_username"
    oidc_role_claim: str = ""
    oidc_tenant_claim: str = ""
    oidc_groups_claim: str = ""
    sign_on_roles: str = ""
    sign_on_default_role: str = ""
    sign_on_accounts: Literal["create", "connect", "existing"] = "create"
    sign_on_header: str = ""
    sign_on_groups_header: str = ""
    sign_on_logout_url: str = ""
    break_glass_admin: str = ""
    second_factor_roles: str = ""
    accel_redirect: str = ""
    timezone: str = "UTC"
    smtp_url: str = ""
    mail_from: str = ""
    notify_networks: str = ""

    def as_environment(self) -> dict[str, str]:
        """Return the variables from which a child process reads these settings, without those that are taken once."""
        return {
            PREFIX + name.upper(): _as_variable(value)
            for name, value in self
            if value is not None and name not in _TAKEN_ONCE
        }

    @property
    def job_type_modules(self) -> tuple[str, ...]:
        """The modules of job types beside those that ship; those of the demonstration where its data is."""
        demo = DEMO_JOB_TYPES if self.demo_mark.exists() else ()
        return tuple(dict.fromkeys((*self.jobtypes, *demo)))

    @property
    def demo_mark(self) -> Path:
        """The file that marks a folder with data of the demonstration."""
        return self.data_dir / "demo"

    @field_validator("jobtypes", mode="before")
    @classmethod
    def _comma_separated(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(name.strip() for name in value.split(",") if name.strip())
        return value

    @field_validator("secret_key_old")
    @classmethod
    def _long_keys(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and any(len(key) < MIN_KEY_LENGTH for key in _keys(value)):
            message = f"must be keys of at least {MIN_KEY_LENGTH} characters, separated by commas"
            raise ValueError(message)
        return value

    @field_validator("data_dir")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, value: str) -> str:
        if value and not value.startswith(("sqlite:///", "postgresql://", "postgresql+psycopg://")):
            message = "must start with sqlite:/// or postgresql://"
            raise ValueError(message)
        return _with_good_port(value)

    @field_validator("redis_url")
    @classmethod
    def _known_redis(cls, value: str) -> str:
        if value and not value.startswith(("redis://", "rediss://", "unix://")):
            message = "must start with redis://, rediss:// or unix://"
            raise ValueError(message)
        return _with_good_port(value)

    @field_validator("traces_url")
    @classmethod
    def _http_address(cls, value: str) -> str:
        if value and not value.startswith(("http://", "https://")):
            message = "must be the URL of a collector, such as http://127.0.0.1:4318/v1/traces"
            raise ValueError(message)
        return _with_good_port(value)

    @field_validator("public_url")
    @classmethod
    def _whole_address(cls, value: str) -> str:
        if value and not (value.startswith(("http://", "https://")) and value.split("//", 1)[1].strip("/")):
            message = "must be a complete URL, such as https://jobs.example.org"
            raise ValueError(message)
        parts = urlsplit(_with_good_port(value))
        if parts.query or parts.fragment or not _PLAIN_PATH(parts.path.rstrip("/")):
            message = "must have a plain path or none, such as https://example.org/jobs"
            raise ValueError(message)
        return value

    @field_validator("oidc_issuer")
    @classmethod
    def _private_connection(cls, value: str) -> str:
        parts = urlsplit(_with_good_port(value))
        is_here = parts.scheme == "http" and parts.hostname in _LOOPBACK
        if value and not ((parts.scheme == "https" and parts.hostname) or is_here):
            message = "must be the URL of an OpenID Connect provider, such as https://login.example.org/realms/main"
            raise ValueError(message)
        return value

    @field_validator("second_factor_roles")
    @classmethod
    def _known_roles(cls, value: str) -> str:
        if not {name.strip() for name in value.split(",") if name.strip()} <= set(_ROLES):
            message = f"must be roles, separated by commas: {', '.join(_ROLES)}"
            raise ValueError(message)
        return value

    @field_validator("sign_on_header", "sign_on_groups_header")
    @classmethod
    def _header_name(cls, value: str) -> str:
        if value and not re.fullmatch(r"[A-Za-z][A-Za-z0-9-]*", value):
            message = "must be the name of a header, such as X-Forwarded-User"
            raise ValueError(message)
        return value

    @field_validator("sign_on_logout_url")
    @classmethod
    def _page_address(cls, value: str) -> str:
        is_path = value.startswith("/") and not value.startswith("//")
        if value and not (is_path or value.startswith(("https://", "http://"))):
            message = "must be a URL or a path of this host, such as /oauth2/sign_out"
            raise ValueError(message)
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _number_or_networks(cls, value: str) -> str:
        try:
            if not (value.isascii() and value.isdigit()):
                _ = [ip_network(network.strip()) for network in value.split(",") if value]
        except ValueError:
            message = "must be the number of proxies, or networks such as 10.0.0.0/8, 127.0.0.1"
            raise ValueError(message) from None
        return "" if value == "0" else value

    @field_validator("smtp_url")
    @classmethod
    def _known_mail_server(cls, value: str) -> str:
        parts = urlsplit(_with_good_port(value))
        if value and not (parts.scheme in {"smtp", "smtps"} and parts.hostname):
            message = "must be smtp://user:password@host:587 or smtps://…; user and password can be left out"
            raise ValueError(message)
        return value

    @field_validator("mail_from")
    @classmethod
    def _mail_address(cls, value: str) -> str:
        if value and not _MAIL_ADDRESS(value):
            message = "must be an email address, such as deskjob@example.org"
            raise ValueError(message)
        return value

    @field_validator("metrics_addresses", "notify_networks")
    @classmethod
    def _networks(cls, value: str) -> str:
        try:
            _ = [ip_network(network.strip()) for network in value.split(",") if network.strip()]
        except ValueError:
            message = "must be networks such as 10.0.0.0/8, 127.0.0.1, or empty"
            raise ValueError(message) from None
        return value

    @field_validator("accel_redirect")
    @classmethod
    def _path_for_nginx(cls, value: str) -> str:
        if value and not re.fullmatch(r"(/[\w.-]+)+", value, re.ASCII):
            message = "must be the path of an internal location of nginx, such as /stored-files"
            raise ValueError(message)
        return value

    @field_validator("storage_url", "storage_url_old")
    @classmethod
    def _known_storage(cls, value: str) -> str:
        if value and not value.startswith("/") and not _BUCKET_URL(value):
            message = "must be the absolute path of a folder, or a bucket such as s3://bucket/prefix"
            raise ValueError(message)
        return value.rstrip("/") or value

    @field_validator("storage_endpoint")
    @classmethod
    def _server_address(cls, value: str) -> str:
        parts = urlsplit(_with_good_port(value))
        if value and not (parts.scheme in {"http", "https"} and parts.hostname):
            message = "must be the URL of an object storage, such as https://s3.example.org"
            raise ValueError(message)
        return value.rstrip("/")

    @field_validator("stale_after")
    @classmethod
    def _known_periods(cls, value: str) -> str:
        _silence_limits(value)
        return value

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            return ZoneInfo(value).key
        except (KeyError, ValueError, OSError):
            message = "must be the name of a time zone, such as Europe/Vienna"
            raise ValueError(message) from None

    @property
    def has_budgets(self) -> bool:
        """Whether jobs are counted, and limited by what this or an admin says; where the demonstration is, too."""
        limits = (self.budget_jobs, self.budget_cpu_seconds, self.budget_memory_gb_hours)
        return self.budgets or any(limit is not None for limit in limits) or self.demo_mark.exists()

    @property
    def silence_limits(self) -> tuple[timedelta | None, Mapping[str, timedelta | None]]:
        """How long jobs can report nothing: by default, and by the name of a job type; None means for ever."""
        return _silence_limits(self.stale_after)

    @property
    def old_keys(self) -> tuple[str, ...]:
        """The secret keys that are accepted besides the current one, the newest first."""
        return _keys(self.secret_key_old) if self.secret_key_old else ()

    @property
    def database(self) -> str:
        """The URL of the database; by default SQLite in the data folder."""
        return self.database_url or f"sqlite:///{self.data_dir / 'deskjob.sqlite3'}"

    @property
    def public_path(self) -> str:
        """The path of the public URL, without a slash at its end; empty if the site has the whole host."""
        return urlsplit(self.public_url).path.rstrip("/")

    @property
    def sender(self) -> str:
        """The address from which mail is sent; by default one at the host of the public URL."""
        return self.mail_from or f"deskjob@{urlsplit(self.public_url).hostname or 'localhost'}"

    @property
    def redis(self) -> str:
        """The URL of Redis; by default the socket of the embedded Valkey."""
        return self.redis_url or f"unix://{self.redis_socket}"

    @property
    def redis_socket(self) -> Path:
        """The socket of the embedded Valkey."""
        return self.data_dir / "valkey.sock"

    @property
    def storage(self) -> str:
        """The place of the jobs' files: the path of a folder, or a bucket; by default a folder in the data folder."""
        return self.storage_url or str(self.data_dir / "attachments")

    @property
    def folders(self) -> tuple[tuple[str, Path], ...]:
        """The folders on this machine that must be writable, with the names of their settings."""
        places = (("STORAGE_URL", self.storage), ("STORAGE_URL_OLD", self.storage_url_old))
        folders = ((PREFIX + name, Path(place)) for name, place in places if place and not self.is_bucket(place))
        return ((PREFIX + "DATA_DIR", self.data_dir), *folders)

    @staticmethod
    def is_bucket(place: str) -> bool:
        """Return whether files are in an object storage, and not in a folder."""
        return place.startswith("s3://")

    def bucket(self, place: str) -> S3Settings:
        """Return the bucket of a place ``s3://bucket/prefix``; raise `BadSettingError`."""
        if (found := _BUCKET_URL(place)) is None:
            raise BadSettingError(f"{place} is no bucket. It must look like s3://bucket/prefix.")
        secret = self.storage_secret_key
        return S3Settings(
            bucket=found[1],
            prefix=found[2].strip("/"),
            endpoint=self.storage_endpoint,
            region=self.storage_region,
            access_key=self.storage_access_key,
            secret_key=secret.get_secret_value() if secret else "",
        )


def load(**overrides: Any) -> Settings:
    """Read the settings; raise `BadSettingError` with one sentence for each bad value.

    Settings that only this process needs leave the environment, which child processes and handlers inherit.
    """
    found = {name: os.environ.pop(PREFIX + name.upper(), _taken.get(name)) for name in _TAKEN_ONCE}
    given = {name: value for name, value in found.items() if value is not None}
    try:
        settings = Settings(**{**given, **overrides})
    except ValidationError as error:
        raise BadSettingError(_sentences(error)) from None
    _taken.update(given)
    return settings


def unknown_settings(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return one sentence for each variable that looks like a setting but is not one, with the closest setting."""
    known = {*map(str.upper, Settings.model_fields), *_READ_ELSEWHERE}
    names = sorted(name.upper().removeprefix(PREFIX) for name in environment if name.upper().startswith(PREFIX))
    return tuple(_unknown(name, known - _READ_ELSEWHERE) for name in names if name not in known)


def _unknown(name: str, known: Collection[str]) -> str:
    near = get_close_matches(name, known, n=1)
    advice = f"Did you mean {PREFIX}{near[0]}?" if near else "docs/settings.md lists the settings."
    return f"{PREFIX}{name} is not a setting and is ignored. {advice}"


def _as_variable(value: object) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return ",".join(value) if isinstance(value, tuple) else str(value)


def _sentences(error: ValidationError) -> str:
    return " ".join(_sentence(dict(item)) for item in error.errors(include_url=False))


def _sentence(item: Mapping[str, Any]) -> str:
    name = PREFIX + "_".join(str(part) for part in item["loc"][:1]).upper()
    shown = "" if any(word in name.lower() for word in _SECRET_WORDS) else f" ({_shown(name, item['input'])})"
    reason = str(item["msg"]).removeprefix("Value error, ").rstrip(".")
    return f"{name} cannot be used{shown}: {reason[:1].lower()}{reason[1:]}."


def _shown(name: str, value: object) -> str:
    """Return the value as it was set, without a user name and password in a URL."""
    return re.sub(r"//.*@", "//***@", repr(os.environ.get(name, value)))


def _keys(value: SecretStr) -> tuple[str, ...]:
    return tuple(key.strip() for key in value.get_secret_value().split(",") if key.strip())


def _silence_limits(value: str) -> tuple[timedelta | None, dict[str, timedelta | None]]:
    limits: dict[str, timedelta | None] = {}
    for part in filter(None, (part.strip() for part in value.split(","))):
        name, _, period = part.rpartition("=")
        limits[name.strip()] = _period(period.strip())
    return limits.pop("", None), limits


def _period(text: str) -> timedelta | None:
    if text == "never":
        return None
    found = re.fullmatch(r"([1-9][0-9]{0,4})(s|min|h|d)", text)
    if found is None:
        message = "must be periods such as 7d, 12h, 30min or never, for single job types as name=period, with commas"
        raise ValueError(message)
    return timedelta(seconds=int(found[1]) * _SECONDS[found[2]])


def _with_good_port(address: str) -> str:
    _ = urlsplit(address).port  # raises ValueError unless it is a number up to 65535
    return address
