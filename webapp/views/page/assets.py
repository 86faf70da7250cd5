"""Addresses of static files that change with their content, and the version of the templates."""

from functools import cache, lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

from flask import Flask, current_app, g, url_for


def init_app(app: Flask) -> None:
    """Let every ``url_for("static", …)`` carry the version of its file."""
    app.url_defaults(_add_version)
    app.jinja_env.globals["icons"] = icons


def icons() -> str:
    """Return the address of the icons, of which a page has a hundred; made once in a request."""
    if "icons" not in g:
        g.icons = url_for("static", filename="icons.svg")
    return str(g.icons)


def template_version() -> str:
    """Return a text that differs when any template does: part of what tells a poller "unchanged"."""
    return _content_below(Path(current_app.root_path, current_app.template_folder or ""))


def _add_version(endpoint: str, values: dict[str, Any]) -> None:
    if endpoint != "static":  # as most of the hundred addresses of a list
        return
    file = Path(current_app.static_folder or "", values.get("filename") or "")
    if file.is_file():
        values["v"] = _version(file, file.stat().st_mtime_ns)


@cache
def _content_below(folder: Path) -> str:
    return _content(tuple(sorted(folder.rglob("*.html"))))


@lru_cache(maxsize=256)
def _version(file: Path, _modified: int) -> str:
    return _content((file,))[:10]


@lru_cache(maxsize=256)
def _content(files: tuple[Path, ...]) -> str:
    digest = blake2b(digest_size=8)
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()
