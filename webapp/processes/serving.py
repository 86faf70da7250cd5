"""What gunicorn is told beyond its command line: asked to stop a second time, it stops at once."""

import signal
from types import FrameType
from typing import Any


def when_ready(server: Any) -> None:
    """Take SIGTERM as gunicorn does, and a second one as its SIGQUIT, which waits for no request."""
    asked = False

    def stop(_: int, frame: FrameType | None) -> None:
        nonlocal asked
        server.signal(signal.SIGQUIT if asked else signal.SIGTERM, frame)
        asked = True

    signal.signal(signal.SIGTERM, stop)
