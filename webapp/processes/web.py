"""The web server: gunicorn in the process that built the application, which forks the serving processes.

Everything is imported once, and the processes share its memory.
"""

import gc
import re
import resource
import signal
import sys
from collections.abc import Mapping
from itertools import count
from types import FrameType
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication

from webapp.db.engine import forget_inherited_connections, limit_page_cache
from webapp.processes.web_server.page_worker import IDLE_SECONDS, LAST_SECONDS, PageWorker
from webapp.processes.web_server.web_log import web_log
from webapp.services import Services
from webapp.telemetry.log_format import log_format
from webapp.views.metrics.request_counts import request_counts_of

_GRACE_SECONDS = 10  # for open requests after a stop request
_MOST_CONNECTIONS = 4096  # per process
_PAGE_CACHE_KIBIBYTES = 2_000  # per connection to SQLite, of which each thread has one; the system caches the file too
# that a thread runs before another one gets its turn: with Python's 5 ms, a page of twenty statements can wait twenty
# times for a busy thread, 100 ms in all
_SWITCH_SECONDS = 0.001
_STORED = re.compile(r"/jobs/[^/]+/(?:files/.|bundle\.zip$)")  # in the paths of files, tables and archives
_OTHER_FILES = 256  # that a process has open: libraries, logs, databases


def serve(app: Flask, *, host: str, port: int, processes: int = 2, threads: int = 8) -> None:
    """Serve until a stop is requested."""
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    with app.test_request_context("/healthz"):  # builds what any first request builds; it needs no other service
        app.full_dispatch_request()
    gc.collect()
    gc.freeze()  # so that the serving processes share the memory of what is built now
    Pages(app, address=address, processes=processes, threads=threads).run()


class Pages(BaseApplication):  # type: ignore[misc]  # gunicorn declares no types
    """One application, served on one address."""

    def __init__(self, app: Flask, *, address: str, processes: int, threads: int) -> None:
        self._app = app
        app.config["WEB_THREADS"] = threads
        services: Services = app.extensions["deskjob"]
        places = (services.settings.storage_url, services.settings.storage_url_old)
        self._has_bucket = any(map(services.settings.is_bucket, places))
        self._options = {
            "bind": address,
            "workers": processes,
            "threads": threads,
            "worker_class": PageWorker,
            "worker_connections": _connections(),
            "keepalive": int(IDLE_SECONDS),
            "preload_app": True,
            "graceful_timeout": _GRACE_SECONDS + LAST_SECONDS,
            "accesslog": "-",
            **web_log(log_format(services.settings, services.secret_key)),
            "control_socket_disable": True,
            "when_ready": _prepare_to_fork,
            "pre_fork": _choose_slot,
            "post_fork": self._after_fork,
        }
        super().__init__()

    def load_config(self) -> None:
        """Set gunicorn's options."""
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        """Return the application to serve."""
        return self._app

    def waits_for_storage(self, environ: Mapping[str, Any]) -> bool:
        """Return whether a request is for what is read from a bucket: threads of their own wait for it."""
        return self._has_bucket and bool(_STORED.search(environ["PATH_INFO"]))

    def _after_fork(self, _server: Any, worker: Any) -> None:
        sys.setswitchinterval(_SWITCH_SECONDS)
        request_counts_of(self._app).use_slot(worker.slot)
        engine = self._app.extensions["deskjob"].engine
        forget_inherited_connections(engine)
        limit_page_cache(engine, _PAGE_CACHE_KIBIBYTES)


def _connections() -> int:
    """Let this process open more files, if it can; return how many connections a serving process can keep."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * _MOST_CONNECTIONS + _OTHER_FILES  # a connection, and the file that is sent to it
    limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < limit:
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    else:
        limit = wanted if soft == resource.RLIM_INFINITY else max(soft, limit)
    return max(16, min(_MOST_CONNECTIONS, (limit - _OTHER_FILES) // 2))


def _choose_slot(server: Any, worker: Any) -> None:
    """Give a new process the place in shared memory of one that has ended, whose counts it continues."""
    taken = {other.slot for other in server.WORKERS.values()}
    worker.slot = next(slot for slot in count() if slot not in taken)


def _prepare_to_fork(server: Any) -> None:
    """Keep the memory of the imported modules shared: the garbage collector would write to each object of it."""
    gc.collect()
    gc.freeze()
    _handle_second_stop(server)


def _handle_second_stop(server: Any) -> None:
    """Treat a second SIGTERM like SIGQUIT, which stops gunicorn without waiting for requests."""
    stopping = False

    def stop(_: int, frame: FrameType | None) -> None:
        nonlocal stopping
        server.signal(signal.SIGQUIT if stopping else signal.SIGTERM, frame)
        stopping = True

    signal.signal(signal.SIGTERM, stop)
