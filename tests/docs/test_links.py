"""Links between documents lead somewhere, and every page of the documentation is in its navigation."""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PAGES = sorted((*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")))
_LINK = re.compile(r"(?<!`)\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """The anchors of the headings of a page, as GitHub and the site make them."""
    headings = _HEADING.findall(page.read_text(encoding="utf-8"))
    return {re.sub(r" +", "-", re.sub(r"[^\w -]", "", heading.lower()).strip()) for heading in headings}


@pytest.mark.parametrize("page", [page.relative_to(ROOT).as_posix() for page in PAGES])
def test_every_link_of_a_page_leads_somewhere(page: str) -> None:
    for link in _LINK.findall((ROOT / page).read_text(encoding="utf-8")):
        path, _, anchor = link.partition("#")
        if "://" in path or path.startswith("mailto:"):
            continue
        target = (ROOT / page).parent / path if path else ROOT / page
        assert target.exists(), f"{link!r} leads nowhere"
        assert not anchor or anchor in anchors(target), f"{link!r}: there is no such heading"


def test_every_page_is_in_the_navigation() -> None:
    def pages(node: object) -> set[str]:
        if isinstance(node, str):
            return {node}
        children = node.values() if isinstance(node, dict) else node
        return set().union(*map(pages, children))

    navigation = pages(yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"])
    documents = {page.relative_to(ROOT / "docs") for page in PAGES if page.is_relative_to(ROOT / "docs")}
    assert navigation == {path.as_posix() for path in documents if path.parts[0] != "decisions"}
