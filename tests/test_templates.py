"""Templates contain nothing that the Content-Security-Policy blocks, no unescaped text, and stay short."""

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
LONGEST = 80  # lines
BLOCKED_BY_THE_POLICY = {
    "an inline script": r"<script(?![^>]*\bsrc=)",
    "an inline style": r"<style|\sstyle\s*=",
    "an event handler": r"\son\w+\s*=",
    "an htmx handler": r"\bhx-on\b",
    "a filter on a trigger": r"hx-trigger=\"[^\"{]*\[",
    "an htmx expression": r"\bhx-\w+=\"js:",
    "a javascript: URL": r"javascript:",
}
UNESCAPED_TEXT = {"unescaped text": r"\|\s*safe\b|autoescape false"}
EXTERNAL_URLS = {"an external URL": r"(?:src|href|action)=\"(?:https?:)?//"}


def test_no_template_has_what_the_content_security_policy_blocks() -> None:
    assert list(matches(BLOCKED_BY_THE_POLICY)) == []


def test_no_template_has_unescaped_text() -> None:
    assert list(matches(UNESCAPED_TEXT)) == []


def test_no_template_loads_from_or_sends_to_another_host() -> None:
    assert list(matches(EXTERNAL_URLS)) == []


def test_every_template_is_short() -> None:
    assert [name for name, text in templates() if len(text.splitlines()) >= LONGEST] == []


def templates() -> Iterator[tuple[str, str]]:
    for file in sorted((ROOT / "templates").rglob("*.html")):
        yield file.relative_to(ROOT).as_posix(), file.read_text()


def matches(patterns: dict[str, str]) -> Iterator[str]:
    for name, text in templates():
        for problem, pattern in patterns.items():
            if re.search(pattern, text, re.IGNORECASE):
                yield f"{name} has {problem}"
