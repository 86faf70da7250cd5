"""A real S3 server on loopback: SeaweedFS, which a Python wheel brings. For tests and benchmarks."""

import json
import os
import socket
import subprocess
import tempfile
import time
from contextlib import ExitStack, suppress
from http.client import HTTPConnection
from pathlib import Path
from shutil import rmtree, which
from sys import executable
from typing import Any

from obstore import put
from obstore.exceptions import BaseError
from obstore.store import S3Store

from webapp.os_process import die_with_parent

ACCESS_KEY, SECRET_KEY = "deskjob", "a secret of the tests"
_ADMIN_KEY = "admin"  # whose first object creates a bucket
_PORTS = 8
_GRPC_OFFSET = 10_000  # from the port of the filer; its clients know no other
_TRIES = 120


class S3Server:
    """A server with its own folder; the user `ACCESS_KEY` may use buckets, but create none."""

    def __init__(self, parent: Path | None = None, address: str = "127.0.0.1") -> None:
        self._address = address
        self._folder = Path(tempfile.mkdtemp(prefix="deskjob-s3-", dir=parent))
        self._ports = _free_ports()
        self.process = self.start()

    @property
    def endpoint(self) -> str:
        """The URL of the server."""
        return f"http://{self._address}:{self._ports[0]}"

    def settings(self, bucket: str, prefix: str = "files") -> dict[str, Any]:
        """Return the settings of an installation whose files are in a bucket of this server."""
        return {
            "storage_url": f"s3://{bucket}/{prefix}",
            "storage_endpoint": self.endpoint,
            "storage_region": "us-east-1",
            "storage_access_key": ACCESS_KEY,
            "storage_secret_key": SECRET_KEY,
        }

    def create_bucket(self, name: str) -> None:
        """Create a bucket: the server does it for an admin who writes to it.

        While it does, or shortly after its start, it can answer without the header `ETag`, or with an error.
        """
        store = self.store(name)
        for attempt in range(_TRIES):
            try:
                put(store, "made", b"")
            except BaseError:
                if attempt + 1 == _TRIES:
                    raise
                time.sleep(1)
            else:
                return

    def store(self, bucket: str) -> S3Store:
        """Return the objects of a bucket as an admin sees them."""
        return S3Store(
            bucket,
            endpoint=self.endpoint,
            region="us-east-1",
            access_key_id=_ADMIN_KEY,
            secret_access_key=SECRET_KEY,
            client_options={"allow_http": True},
        )

    def send_by_client(self, source: Path, bucket: str) -> None:
        """Copy a file into a bucket by the server's own client, which goes past S3."""
        folder = f"http://{self._address}:{self._ports[-2]}/buckets/{bucket}/"
        command = [_program(), "filer.copy", str(source), folder]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def receive_by_client(self, name: str, bucket: str) -> None:
        """Read a file of a bucket by the server's own client, which goes past S3."""
        address = f"http://{self._address}:{self._ports[-2]}/buckets/{bucket}/{name}"
        subprocess.run(
            [_program(), "filer.cat", address], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def start(self) -> "subprocess.Popen[bytes]":
        """Start the server, and wait until it answers."""
        (configuration := self._folder / "s3.json").write_text(json.dumps(_users()))
        with (self._folder / "log").open("ab") as log:
            parent = os.getpid()
            self.process = subprocess.Popen(
                self._command(configuration),
                stdout=log,
                stderr=log,
                preexec_fn=lambda: die_with_parent(parent),  # noqa: PLW1509  (it calls the kernel only)
            )
        while not _answers(self._address, self._ports[0]):
            if self.process.poll() is not None:
                message = f"the S3 server ended with status {self.process.returncode}: {self.log()}"
                raise RuntimeError(message)
            time.sleep(0.05)
        return self.process

    def stop(self) -> None:
        """Kill the server; `start` continues with its files."""
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        """Stop the server and remove its files."""
        self.stop()
        rmtree(self._folder)

    def log(self) -> str:
        """Return the end of the server's log."""
        return (self._folder / "log").read_text()[-2000:]

    def _command(self, configuration: Path) -> list[str]:
        s3, s3_grpc, master, master_grpc, volume, volume_grpc, filer, filer_grpc = map(str, self._ports)
        options = {
            "dir": str(self._folder),
            "ip": self._address,
            "ip.bind": self._address,
            "master.port": master,
            "master.port.grpc": master_grpc,
            "master.telemetry": "false",
            "master.electionTimeout": "1s",
            "master.volumeSizeLimitMB": "1024",
            "volume.port": volume,
            "volume.port.grpc": volume_grpc,
            "volume.max": "100",
            "filer": "true",
            "filer.port": filer,
            "filer.port.grpc": filer_grpc,
            "filer.localSocket": str(self._folder / "filer.sock"),
            "s3": "true",
            "s3.port": s3,
            "s3.port.grpc": s3_grpc,
            "s3.port.iceberg": "0",
            "s3.port.lance": "0",
            "s3.config": str(configuration),
            "s3.iam": "false",
            "s3.localSocket": str(self._folder / "s3.sock"),
        }
        return [_program(), "-logtostderr", "server", *(f"-{name}={value}" for name, value in options.items())]


def _program() -> str:
    return which("weed", path=str(Path(executable).parent)) or "weed"


def _users() -> dict[str, Any]:
    actions = {_ADMIN_KEY: ["Admin", "Read", "Write", "List"], ACCESS_KEY: ["Read", "Write", "List"]}
    users = [
        {"name": key, "credentials": [{"accessKey": key, "secretKey": SECRET_KEY}], "actions": allowed}
        for key, allowed in actions.items()
    ]
    return {"identities": users}


def _free_ports() -> list[int]:
    """Return free ports; the last two are those of the filer."""
    with ExitStack() as stack:
        bound = [_bound(stack, 0) for _ in range(_PORTS - 2)]
        while True:
            grpc = _bound(stack, 0)
            with suppress(OSError):
                return [*bound, _bound(stack, grpc - _GRPC_OFFSET), grpc]


def _bound(stack: ExitStack, port: int) -> int:
    probe = stack.enter_context(socket.socket())
    probe.bind(("127.0.0.1", port))
    return int(probe.getsockname()[1])


def _answers(address: str, port: int) -> bool:
    """Return whether the server listens; after a restart it finds its files a moment later."""
    connection = HTTPConnection(address, port, timeout=5)
    try:
        connection.request("GET", "/status")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
