"""Markdown of jobs as HTML: no HTML of its own, no pictures (a page loads nothing from elsewhere), safe links only."""

from functools import cache

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

_BELOW = 2  # levels of headings of the page


def markdown_html(text: str) -> Markup:
    """Return the HTML of a text in Markdown, with headings below those of the page."""
    parser = _parser()
    tokens = parser.parse(text)
    for token in tokens:
        if token.type.startswith("heading_"):
            token.tag = f"h{min(int(token.tag[1]) + _BELOW, 6)}"
        for inner in token.children or ():
            _protect(inner)
    return Markup(parser.renderer.render(tokens, parser.options, {}))  # noqa: S704  (the parser has escaped it)


def _protect(token: Token) -> None:
    if token.type == "link_open":
        token.attrSet("rel", "noopener noreferrer")


@cache
def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False, "maxNesting": 20}).enable("table").disable("image")
