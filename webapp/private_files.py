"""Keeps the data folder private: folders 0700 and files 0600, no matter who created them and what the umask is."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path
from stat import S_ISDIR, S_ISREG

log = logging.getLogger(__name__)
_OTHERS = 0o077  # permissions of everybody but the owner
# what Deskjob keeps in its folder; nothing else there is touched
_OWN = (
    "deskjob.sqlite3*",
    "secret_key",
    "secret_key_old",
    "*.lock",
    "log",
    "log/*",
    "attachments",
    "work-horses",
    "work-horses/*",
)


def make_private_folder(folder: Path) -> None:
    """Create the folder, or remove other users' access to it and to what Deskjob keeps in it.

    Logs a warning if another user owns it, because only that user can do this.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for path in (folder, *_own_paths(folder)):
        _make_private(path)


def exposed_files(folder: Path) -> tuple[Path, ...]:
    """Return what Deskjob keeps in the folder and other users of the machine may read, by name."""
    return tuple(sorted(path for path in _own_paths(folder) if path.is_file() and path.stat().st_mode & _OTHERS))


def create_private_file(path: Path) -> None:
    """Create an empty file that only its owner can read, unless it exists."""
    os.close(private_opener(str(path), os.O_CREAT | os.O_WRONLY))


def private_opener(path: str, flags: int) -> int:
    """Open a file for ``open(…, opener=private_opener)``; a new one can be read by its owner only."""
    return os.open(path, flags, 0o600)


def _own_paths(folder: Path) -> Iterator[Path]:
    return (path for pattern in _OWN for path in folder.glob(pattern) if not path.is_symlink())


def _make_private(path: Path) -> None:
    try:
        mode = path.stat().st_mode
        if mode & _OTHERS and (S_ISDIR(mode) or S_ISREG(mode)):
            path.chmod(0o700 if S_ISDIR(mode) else 0o600)
    except FileNotFoundError:  # a WAL that was just removed
        return
    except PermissionError:
        log.warning("%s can be read by other users of this machine. Its owner should run: chmod go-rwx", path)
