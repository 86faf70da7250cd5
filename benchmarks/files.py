"""Files through a real web server, on disk and in a bucket: uploads by form, downloads, ranges, memory.

On disk, an upload is compared with `cp` and `sha256sum`, a download with nginx. In a bucket, both are compared with a
plain client of S3. The S3 server's own client is measured too: it writes to the volumes of the server without S3. Both
sides of a ratio run in turn, on loopback and on the same disk.
"""

import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import perf_counter, sleep
from typing import Any
from uuid import UUID

from benchmarks import servers
from benchmarks.installation import add_person
from benchmarks.rounds import Spread, Verdict, ratio
from benchmarks.s3_server import S3Server
from benchmarks.web_server import WebServer, free_port, serve, session_cookie
from webapp.app import create_app
from webapp.config import load
from webapp.db.revision import upgrade
from webapp.services import Services

UPLOAD_TIMES, DOWNLOAD_TIMES, RANGE_TIMES, MEGABYTES = 1.3, 1.1, 1.25, 150
BUCKET_TIMES = 1.3
_BUCKET = "files"
MEBIBYTE = 1024 * 1024
_FORM = "/jobs/new/dataset_report"
_READ = 256 * 1024
_RANGE_BYTES = 64 * 1024
_RANGES = 50  # in one measurement
_BOUNDARY = "----deskjob-bench"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_LOCATION = re.compile(rb"\r\nlocation: */jobs/([0-9a-f-]{36})", re.IGNORECASE)
_TOKEN = re.compile(rb'name="csrf_token" value="([^"]+)"')
_COOKIE = re.compile(rb"\r\nset-cookie: *([^;]+);", re.IGNORECASE)
_NGINX = """
daemon off; worker_processes 2; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{ access_log off; sendfile on; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p;
fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
server {{ listen 127.0.0.1:{port}; root {root}; }} }}
"""


@dataclass(frozen=True, kw_only=True)
class _Site:
    """A web server, the cookie of a user, a file to upload, and the same file as an attachment."""

    web: WebServer
    services: Services
    cookie: str
    source: Path
    path: str  # of the download


def run(*, short: bool) -> Verdict:
    """Measure uploads, downloads, ranges and memory on SQLite; files do not touch the database."""
    size, rounds = (192 * MEBIBYTE, 2) if short else (1024 * MEBIBYTE, 7)
    with servers.valkey() as redis:
        places = _on_disk(redis, size, rounds), _in_bucket(redis, size, min(rounds, 5))
    return Verdict(
        values="; ".join(place.values for place in places),
        goal="; ".join(place.goal for place in places),
        ok=all(place.ok for place in places),
    )


def _on_disk(redis: str, size: int, rounds: int) -> Verdict:
    with _site(redis, size) as site:
        before = site.web.memory()
        with _peak_memory(site.web) as peak:
            upload = ratio(
                "an upload, cp and sha256sum",
                partial(_timed_upload, site),
                partial(_milliseconds, partial(_copy_and_hash, site.source)),
                rounds=rounds,
                unit="ms",
            )
            download = _download_ratio(site, rounds)
        ranges = _range_ratio(site, size, rounds)
        growth = max(peak) - before
    compared = f"a download {download:.2f} times nginx" if download else "nginx is not installed"
    return Verdict(
        values=f"an upload of {size // MEBIBYTE} MiB by form {upload:.2f} times cp and sha256sum, {compared}, "
        f"a range at the end {ranges:.2f} times one at the start, {growth / 1e6:.0f} MB more memory",
        goal=f"{UPLOAD_TIMES}, {DOWNLOAD_TIMES}, {RANGE_TIMES} times, {MEGABYTES} MB",
        ok=upload.median <= UPLOAD_TIMES
        and (download is None or download.median <= DOWNLOAD_TIMES)
        and ranges.median <= RANGE_TIMES
        and growth <= MEGABYTES * 1e6,
    )


def _in_bucket(redis: str, size: int, rounds: int) -> Verdict:
    server = S3Server()
    try:
        server.create_bucket(_BUCKET)
        with _site(redis, size, **server.settings(_BUCKET)) as site:
            before = site.web.memory()
            client, source = partial(_run_s3_client, server), site.source
            measured = partial(ratio, rounds=rounds, unit="ms")
            with _peak_memory(site.web) as peak:
                upload = measured(
                    "an upload to a bucket, a client of S3 and sha256sum",
                    partial(_timed_upload, site),
                    partial(_timed_hash, source, partial(client, "put", str(source))),
                )
                download = measured(
                    "a download from a bucket, by a client of S3",
                    partial(_milliseconds, partial(_download, site.web.port, site.path, site.cookie)),
                    partial(_milliseconds, partial(client, "get")),
                )
            ranges = _range_ratio(site, size, rounds)
            growth = max(peak) - before
            measured = partial(measured, rounds=2 if rounds > 3 else 1)  # the other comparisons are those with a goal
            past_s3 = measured(
                "an upload to a bucket, the server's client past S3 and sha256sum",
                partial(_timed_upload, site),
                partial(_timed_hash, source, partial(server.send_by_client, source, _BUCKET)),
            )
            from_past_s3 = measured(
                "a download from a bucket, by the server's client past S3",
                partial(_milliseconds, partial(_download, site.web.port, site.path, site.cookie)),
                partial(_milliseconds, partial(server.receive_by_client, source.name, _BUCKET)),
            )
    finally:
        server.close()
    return Verdict(
        values=f"to a bucket {upload:.2f} times a client of S3 and sha256sum ({past_s3:.2f} times the server's client, "
        f"which goes past S3), from it {download:.2f} times a client of S3 ({from_past_s3:.2f} times the server's "
        f"client), a range at the end {ranges:.2f} times one at the start, {growth / 1e6:.0f} MB more memory",
        goal=f"{BUCKET_TIMES}, {BUCKET_TIMES}, {RANGE_TIMES} times, {MEGABYTES} MB",
        ok=max(upload.median, download.median) <= BUCKET_TIMES
        and ranges.median <= RANGE_TIMES
        and growth <= MEGABYTES * 1e6,
    )


def _run_s3_client(server: S3Server, action: str, *files: str) -> None:
    command = [
        sys.executable,
        "-m",
        "benchmarks.peers.s3_client_peer",
        action,
        server.endpoint,
        _BUCKET,
        "peer",
        *files,
    ]
    subprocess.run(command, check=True)


def _timed_hash(source: Path, send: Callable[[], None]) -> float:
    """Return the milliseconds of sending a file and computing its SHA-256, as an upload does."""
    began = perf_counter()
    send()
    _hash(source)
    return 1000 * (perf_counter() - began)


def _hash(source: Path) -> None:
    subprocess.run(["sha256sum", source], check=True, stdout=subprocess.DEVNULL)


def _range_ratio(site: _Site, size: int, rounds: int) -> Spread:
    start, end = ((at, at + _RANGE_BYTES - 1) for at in (0, size - _RANGE_BYTES))
    return ratio(
        "a range at the end, at the start",
        partial(_milliseconds, partial(_read_ranges, site, *end)),
        partial(_milliseconds, partial(_read_ranges, site, *start)),
        rounds=rounds,
        unit="ms",
    )


@contextmanager
def _site(redis: str, size: int, **storage: Any) -> Iterator[_Site]:
    folder = Path(tempfile.mkdtemp(prefix="dj-"))
    with servers.database("sqlite") as url:
        app = create_app(load(data_dir=folder, database_url=url, redis_url=redis, secret_key="k" * 32, **storage))
        upgrade(app.extensions["deskjob"].engine)
        services: Services = app.extensions["deskjob"]
        user_id = add_person(services)
        source = folder / "source.csv"
        line = b"customer,amount,2026-11-29,some text of a row in a file\r\n"
        with source.open("wb") as file:
            for _ in range(size // MEBIBYTE):
                file.write((line * (MEBIBYTE // len(line) + 1))[:MEBIBYTE])
        with source.open("rb") as content:
            job = services.jobs.create_user_job(
                "dataset_report", None, user_id, files={"file": [services.files.receive(content, "source.csv")]}
            )
        (file_id,) = (attachment.id for attachment in services.jobs.attachments(job.id))
        try:
            with serve(services.settings) as web:
                yield _Site(
                    web=web,
                    services=services,
                    cookie=session_cookie(app, services.sessions.begin(user_id)),
                    source=source,
                    path=f"/jobs/{job.id}/files/{file_id}",
                )
        finally:
            services.engine.dispose()
            shutil.rmtree(folder)


def _milliseconds(work: Callable[[], object]) -> float:
    began = perf_counter()
    work()
    return 1000 * (perf_counter() - began)


def _copy_and_hash(source: Path) -> None:
    copy = source.with_suffix(".copy")
    subprocess.run(["cp", source, copy], check=True)
    _hash(copy)
    copy.unlink()


def _timed_upload(site: _Site) -> float:
    """Return the milliseconds of an upload; its job is deleted afterwards."""
    cpu, began = site.web.cpu_seconds(), perf_counter()
    job_id = _upload(site)
    took = perf_counter() - began
    cpu = site.web.cpu_seconds() - cpu
    print(
        f"  the web server used {cpu * 1024 * MEBIBYTE / site.source.stat().st_size:.2f} s of CPU per GiB", flush=True
    )
    site.services.jobs.cancel(job_id)
    site.services.jobs.delete(job_id)
    return 1000 * took


def _upload(site: _Site) -> UUID:
    """Submit the form with the file as a browser does; return the id of the job."""
    head, page = _exchange(site.web.port, f"GET {_FORM} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {site.cookie}\r\n\r\n")
    token, cookie = _TOKEN.search(page), _COOKIE.search(head)
    assert token is not None
    fields = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="csrf_token"\r\n\r\n{token[1].decode()}\r\n'
    part = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="source.csv"\r\n'
    begin, end = f"{fields}{part}Content-Type: text/csv\r\n\r\n".encode(), f"\r\n--{_BOUNDARY}--\r\n".encode()
    size = len(begin) + site.source.stat().st_size + len(end)
    request = (
        f"POST {_FORM} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {cookie[1].decode() if cookie else site.cookie}\r\n"
        f"Content-Type: multipart/form-data; boundary={_BOUNDARY}\r\nContent-Length: {size}\r\n\r\n"
    )
    head, _ = _exchange(site.web.port, request, begin, site.source, end)
    created = _LOCATION.search(head)
    if created is None:
        message = f"the upload was answered with {head[:60]!r}"
        raise RuntimeError(message)
    return UUID(created[1].decode())


def _download_ratio(site: _Site, rounds: int) -> Spread | None:
    if (program := shutil.which("nginx") or _existing("/usr/sbin/nginx")) is None:
        print("  nginx is not installed, so downloads are not compared", flush=True)
        return None
    with _nginx(program, site.source.parent) as port:
        return ratio(
            "a download, by nginx",
            partial(_milliseconds, partial(_download, site.web.port, site.path, site.cookie)),
            partial(_milliseconds, partial(_download, port, f"/{site.source.name}", "")),
            rounds=rounds,
            unit="ms",
        )


def _existing(path: str) -> str | None:
    return path if Path(path).exists() else None


@contextmanager
def _nginx(program: str, root: Path) -> Iterator[int]:
    """Serve a folder with nginx; yield its port."""
    folder, port = Path(tempfile.mkdtemp(prefix="dj-")), free_port()
    folder.chmod(0o755)
    root.chmod(0o755)  # when started as root, nginx runs as another user
    configuration = folder / "nginx.conf"
    configuration.write_text(_NGINX.format(folder=folder, port=port, root=root))
    with subprocess.Popen([program, "-c", configuration, "-p", folder], stderr=subprocess.DEVNULL) as process:
        try:
            while not _listens(port):
                if process.poll() is not None:
                    message = f"nginx ended with status {process.returncode}"
                    raise RuntimeError(message)
                sleep(0.02)
            yield port
        finally:
            process.terminate()
            process.wait()
            shutil.rmtree(folder)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _download(port: int, path: str, cookie: str) -> None:
    _exchange(port, f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {cookie}\r\n\r\n", keeps=False)


def _read_ranges(site: _Site, first: int, last: int) -> None:
    request = (
        f"GET {site.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {site.cookie}\r\nRange: bytes={first}-{last}\r\n\r\n"
    )
    for _ in range(_RANGES):
        head, _ = _exchange(site.web.port, request)
        if not head.startswith(b"HTTP/1.1 206"):
            message = f"the range was answered with {head[:60]!r}"
            raise RuntimeError(message)


def _exchange(port: int, request: str, *body: bytes | Path, keeps: bool = True) -> tuple[bytes, bytes]:
    """Send a request; return the head and the body of the response, or an empty body unless it ``keeps`` it."""
    with socket.create_connection(("127.0.0.1", port), timeout=120) as connection:
        connection.sendall(request.encode())
        for part in body:
            if isinstance(part, Path):
                with part.open("rb") as file:
                    connection.sendfile(file)
            else:
                connection.sendall(part)
        received = b""
        while b"\r\n\r\n" not in received:
            received += _receive(connection)
        head, _, content = received.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        left = (int(length[1]) if length else 0) - len(content)
        parts, buffer = [content], bytearray(_READ)
        while left > 0:
            if not (count := connection.recv_into(buffer)):
                message = "the connection was closed in the middle of a response"
                raise RuntimeError(message)
            left -= count
            parts += [bytes(buffer[:count])] if keeps else []
        return head, b"".join(parts)


def _receive(connection: socket.socket) -> bytes:
    if not (data := connection.recv(_READ)):
        message = "the connection was closed without a response"
        raise RuntimeError(message)
    return data


@contextmanager
def _peak_memory(web: WebServer) -> Iterator[list[int]]:
    """Look at the memory of the web server ten times a second; the list has every look."""
    looks, ended = [web.memory()], threading.Event()

    def look() -> None:
        while not ended.wait(0.1):
            looks.append(web.memory())

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield looks
    finally:
        ended.set()
        thread.join()
