"""The pages: gunicorn, in the process that has built the application; those that serve are forks of it.

So everything is imported once, however many processes serve, and their memory is shared.
"""

import signal
from types import FrameType
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication

from webapp.db.engine import forget_inherited_connections

_GRACE_SECONDS = 10  # that requests have to be answered, once asked to stop


class Pages(BaseApplication):  # type: ignore[misc]  # gunicorn declares no types
    """One application, served on one address."""

    def __init__(self, app: Flask, *, address: str, processes: int, threads: int) -> None:
        self._app = app
        self._options = {
            "bind": address,
            "workers": processes,
            "threads": threads,
            "worker_class": "gthread",
            "preload_app": True,
            "graceful_timeout": _GRACE_SECONDS,
            "accesslog": "-",
            "control_socket_disable": True,
            "when_ready": _obey_twice,
            "post_fork": self._begin,
        }
        super().__init__()

    def load_config(self) -> None:
        """Tell gunicorn how to serve."""
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        """Give it what to serve."""
        return self._app

    def _begin(self, _server: Any, _worker: Any) -> None:
        forget_inherited_connections(self._app.extensions["deskjob"].engine)


def _obey_twice(server: Any) -> None:
    """Take SIGTERM as gunicorn does, and a second one as its SIGQUIT, which waits for no request."""
    asked = False

    def stop(_: int, frame: FrameType | None) -> None:
        nonlocal asked
        server.signal(signal.SIGQUIT if asked else signal.SIGTERM, frame)
        asked = True

    signal.signal(signal.SIGTERM, stop)
