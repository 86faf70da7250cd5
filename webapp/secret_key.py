"""The secret keys of the installation: the current one, and old ones that are accepted for a time.

They come from the settings, or the current one is generated once and stored in a file beside which old ones are.
"""

import os
import secrets
from contextlib import suppress
from pathlib import Path

from webapp.config import MIN_KEY_LENGTH, BadSettingError, Settings

KEY_FILES = _FILE, _OLD_FILE = "secret_key", "secret_key_old"


def secret_key(settings: Settings) -> str:
    """Return the current key; all processes of an installation get the same one."""
    return secret_keys(settings)[0]


def secret_keys(settings: Settings) -> tuple[str, ...]:
    """Return the current key, then the old ones that are still accepted, the newest first."""
    if settings.secret_key:
        return _distinct(settings.secret_key.get_secret_value(), *settings.old_keys)
    path = settings.data_dir / _FILE
    try:
        if not path.exists():
            _create(path)
        return _distinct(_read(path), *settings.old_keys, *_old_keys(settings))
    except OSError as error:
        message = f"DESKJOB_DATA_DIR cannot be used ({str(settings.data_dir)!r}): {error.strerror}."
        raise BadSettingError(message) from None


def keys_are_in_files(settings: Settings) -> bool:
    """Return whether the current key is in the data folder, and not in the settings."""
    return settings.secret_key is None


def replace_key(settings: Settings) -> None:
    """Generate a new key and keep the current one as an old one; only if keys are in files.

    The old one is written first: whatever happens in between, every key that was ever used is in one of the files.
    """
    current, old = secret_keys(settings)[0], _old_keys(settings)
    _write(settings.data_dir / _OLD_FILE, "\n".join(dict.fromkeys((current, *old))))
    _write(settings.data_dir / _FILE, _new_key())


def forget_old_keys(settings: Settings) -> None:
    """Delete the old keys that are in files."""
    (settings.data_dir / _OLD_FILE).unlink(missing_ok=True)


def replaced_at(settings: Settings) -> float | None:
    """Return when the key in the file was replaced, in seconds since 1970; None if there is no old one."""
    path = settings.data_dir / _OLD_FILE
    return path.stat().st_mtime if path.exists() else None


def _distinct(*keys: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(keys))


def _new_key() -> str:
    return secrets.token_urlsafe(48)


def _create(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = _draft(path, _new_key())
    with suppress(FileExistsError):  # another process was faster; its key is used
        os.link(draft, path)
    draft.unlink()


def _write(path: Path, text: str) -> None:
    os.replace(_draft(path, text), path)  # noqa: PTH105  (as a whole or not at all)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _draft(path: Path, text: str) -> Path:
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    with os.fdopen(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    return draft


def _read(path: Path) -> str:
    key = path.read_text().strip()
    if len(key) < MIN_KEY_LENGTH:
        message = (
            f"{path} cannot be used: a secret key needs at least {MIN_KEY_LENGTH} characters. "
            "Remove the file to get a new key."
        )
        raise BadSettingError(message)
    return key


def _old_keys(settings: Settings) -> tuple[str, ...]:
    path = settings.data_dir / _OLD_FILE
    return tuple(path.read_text().split()) if path.exists() else ()
