"""Versioned URLs of static files, and a version of all templates."""

from collections.abc import Iterable
from functools import cache, lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

from flask import Flask, current_app, g, url_for


def init_app(app: Flask) -> None:
    """Add the version of the file to every ``url_for("static", …)``."""
    app.url_defaults(_add_version)
    app.jinja_env.globals["icons"] = icons


def icons() -> str:
    """Return the URL of the icon sprite, built once per request because a page has a hundred icons."""
    if "icons" not in g:
        g.icons = url_for("static", filename="icons.svg")
    return str(g.icons)


def template_version() -> str:
    """Return a hash of all templates; it is part of the change tag of polled pages."""
    return _content_below(Path(current_app.root_path, current_app.template_folder or ""))


def _add_version(endpoint: str, values: dict[str, Any]) -> None:
    if endpoint != "static":  # most of the hundred URLs of a list
        return
    if version := _version(Path(current_app.static_folder or "", values.get("filename") or "")):
        values["v"] = version


@cache
def _content_below(folder: Path) -> str:
    return _content(sorted(folder.rglob("*.html")))


@lru_cache(maxsize=256)
def _version(file: Path) -> str:
    """Return the version of a file, empty without the file. A process serves the files as they were at its start."""
    return _content([file])[:10] if file.is_file() else ""


def _content(files: Iterable[Path]) -> str:
    digest = blake2b(digest_size=8)
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()
