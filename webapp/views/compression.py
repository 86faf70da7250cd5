"""Pages are sent compressed to browsers that accept it, so that a page is small without a proxy too.

A page has the token of its forms, and some pages repeat what their address says: the size of a compressed page
could tell an attacker whether a guess was right (BREACH). So each one gets a name of random length in the header of
its gzip file, as Django does it, and session cookies are not sent with requests of other sites anyway.
"""

import secrets
from gzip import GzipFile
from io import BytesIO

from flask import Flask, Response, request

SMALLEST = 500  # bytes: below that, compression saves no packet
_LEVEL = 4  # a list of 50 jobs in about a millisecond; more levels save 2 %
_LONGEST_NAME = 100  # letters


def init_app(app: Flask) -> None:
    """Compress the HTML of all responses; call it first, because the first hook runs last."""
    app.after_request(_compress)


def _compress(response: Response) -> Response:
    if response.mimetype != "text/html" or response.is_streamed or "Content-Encoding" in response.headers:
        return response
    response.vary.add("Accept-Encoding")
    if request.method != "HEAD" and request.accept_encodings["gzip"] > 0:
        content = response.get_data()
        if len(content) >= SMALLEST:
            response.set_data(_packed(content))
            response.headers["Content-Encoding"] = "gzip"
    return response


def _packed(content: bytes) -> bytes:
    packed = BytesIO()
    name = "n" * secrets.randbelow(_LONGEST_NAME)
    with GzipFile(filename=name, mode="wb", compresslevel=_LEVEL, fileobj=packed, mtime=0) as file:
        file.write(content)
    return packed.getvalue()
