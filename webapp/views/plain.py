"""Plain text, streamed: nothing in it can run, and no browser takes it for something else."""

from collections.abc import Iterable

from flask import Response

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "X-Content-Type-Options": "nosniff",
}


def plain(text: Iterable[str] | str, *, download_as: str = "") -> Response:
    """Answer text; with a name, as a file to be saved."""
    response = Response(text, mimetype="text/plain")
    response.headers.update(HEADERS)
    if download_as:
        response.headers.set("Content-Disposition", "attachment", filename=download_as)
    return response
