"""Starts jobs through the pages, which can be unavailable at any moment."""

import re
from http.client import HTTPException
from http.cookiejar import CookieJar
from typing import Any
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, OpenerDirector, build_opener
from uuid import UUID

_SECONDS = 3.0
_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
_JOB = re.compile(r"/jobs/([0-9a-f-]{36})$")


class PagesAway(Exception):
    """Raised when the pages do not respond; the job may have been created nevertheless."""


class Pages:
    """A browser session that signs in when necessary."""

    def __init__(self, address: str, name: str, password: str) -> None:
        self._address = address
        self._login = {"name": name, "password": password}
        self._opener: OpenerDirector = build_opener(HTTPCookieProcessor(CookieJar()))

    def start(self, type_name: str) -> UUID:
        """Submit the form of a job type; return the id of the job."""
        path = f"/jobs/new/{type_name}"
        at, page = self._ask(path)
        if "/login" in at:
            at, page = self._send("/login", page, self._login)
            at, page = self._ask(path)
        at, page = self._send(path, page, {"ends": "completed"})
        if not (found := _JOB.search(at)):
            raise PagesAway(at)
        return UUID(found[1])

    def _send(self, path: str, page: str, typed: dict[str, str]) -> tuple[str, str]:
        token = _TOKEN.search(page)
        return self._ask(path, urlencode({**typed, "csrf_token": token[1] if token else ""}).encode())

    def _ask(self, path: str, body: bytes | None = None) -> tuple[str, str]:
        try:
            with self._opener.open(self._address + path, body, timeout=_SECONDS) as answer:
                text: Any = answer.read()
                return answer.geturl(), text.decode()
        except (OSError, HTTPException) as error:
            raise PagesAway(str(error)) from error
