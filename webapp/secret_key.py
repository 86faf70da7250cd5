"""The secret key of the installation: from the settings, or generated once and stored in a file."""

import os
import secrets
from contextlib import suppress
from pathlib import Path

from webapp.config import BadSettingError, Settings

_MIN_LENGTH = 32


def secret_key(settings: Settings) -> str:
    """Return the key; all processes of an installation get the same one."""
    if settings.secret_key:
        return settings.secret_key.get_secret_value()
    path = settings.data_dir / "secret_key"
    try:
        if not path.exists():
            _create(path)
        return _read(path)
    except OSError as error:
        message = f"DESKJOB_DATA_DIR cannot be used ({str(settings.data_dir)!r}): {error.strerror}."
        raise BadSettingError(message) from None


def _create(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    with os.fdopen(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
        file.write(secrets.token_urlsafe(48))
        file.flush()
        os.fsync(file.fileno())
    with suppress(FileExistsError):  # another process was faster; its key is used
        os.link(draft, path)
    draft.unlink()


def _read(path: Path) -> str:
    key = path.read_text().strip()
    if len(key) < _MIN_LENGTH:
        message = (
            f"{path} cannot be used: a secret key needs at least {_MIN_LENGTH} characters. "
            "Remove the file to get a new key."
        )
        raise BadSettingError(message)
    return key
