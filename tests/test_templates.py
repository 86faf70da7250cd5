"""What the Content-Security-Policy refuses is not written in the first place."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
REFUSED = {
    "an inline script": r"<script(?![^>]*\bsrc=)",
    "an inline style": r"<style|\sstyle\s*=",
    "an event handler": r"\son\w+\s*=",
    "a handler of htmx": r"\bhx-on\b",
    "a filter on a trigger": r"hx-trigger=\"[^\"{]*\[",
    "an expression of htmx": r"\bhx-\w+=\"js:",
    "an address that runs a script": r"javascript:",
    "text that is not escaped": r"\|\s*safe\b|autoescape false",
    "a foreign address": r"(?:src|href|action)=\"(?:https?:)?//",
}


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda file: file.relative_to(ROOT).as_posix())
def test_a_template_has_nothing_that_the_browser_would_refuse(template: Path) -> None:
    text = template.read_text()
    assert [what for what, pattern in REFUSED.items() if re.search(pattern, text, re.IGNORECASE)] == []


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda file: file.relative_to(ROOT).as_posix())
def test_a_template_is_short(template: Path) -> None:
    assert len(template.read_text().splitlines()) < 80
