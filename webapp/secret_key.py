"""The key that signs cookies and form tokens: the setting's, else one made once and kept in a file."""

import os
import secrets
from contextlib import suppress
from pathlib import Path

from webapp.config import BadSettingError, Settings

_SHORTEST = 32


def secret_key(settings: Settings) -> str:
    """Return the key of this installation; all its processes get the same one."""
    if settings.secret_key:
        return settings.secret_key.get_secret_value()
    path = settings.data_dir / "secret_key"
    try:
        if not path.exists():
            _make(path)
        return _read(path)
    except OSError as error:
        message = f"DESKJOB_DATA_DIR cannot be used ({str(settings.data_dir)!r}): {error.strerror}."
        raise BadSettingError(message) from None


def _make(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    with os.fdopen(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
        file.write(secrets.token_urlsafe(48))
        file.flush()
        os.fsync(file.fileno())
    with suppress(FileExistsError):  # another process was faster, its key counts
        os.link(draft, path)
    draft.unlink()


def _read(path: Path) -> str:
    key = path.read_text().strip()
    if len(key) < _SHORTEST:
        message = (
            f"{path} cannot be used: a secret key has at least {_SHORTEST} characters. Remove the file for a new one."
        )
        raise BadSettingError(message)
    return key
