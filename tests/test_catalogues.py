"""Every text on pages is in the catalogue, and the German catalogue is complete."""

import gettext
import re
from functools import cache
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from jinja2 import Environment, nodes

ROOT = Path(__file__).parent.parent
CATALOGUE = ROOT / "webapp" / "translations" / "de" / "LC_MESSAGES" / "messages.po"
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
KEYWORDS = {**DEFAULT_KEYWORDS, "lazy_gettext": None, "_l": None, "english": None, "lazy_ngettext": (1, 2)}
GETTEXT = frozenset({"_", "gettext", "ngettext", "_n"})
READ_ALOUD = frozenset({"alt", "aria-label", "placeholder", "title", "data-fresh", "data-paused", "data-late"})
# The product's own name, entities, classes, attributes, commands
NO_WORDS = re.compile(r'Deskjob|&\w+;|([\w-]+ )*[\w-]+--\w+|[\w-]+="[^"]*"|deskjob( (--)?\w+)+')
LETTERS = re.compile(r"[^\W\d_]{2,}")
TAGS = re.compile(r"</?\w+[^>]*>")
PHRASE = re.compile(r"^[A-Z][a-z]+|[a-z]+ [a-z]+")


@pytest.fixture(scope="module")
def german() -> Catalog:
    with CATALOGUE.open("rb") as file:
        return read_po(file, "de")


def key(text: Any) -> Any:
    return tuple(text) if isinstance(text, list | tuple) else text


def texts(message: Message) -> list[str]:
    return [message.string] if isinstance(message.string, str) else list(message.string)


def extracted() -> set[Any]:
    with (ROOT / "babel.cfg").open() as file:
        methods, options = parse_mapping_cfg(file)
    found = extract_from_dir(ROOT, methods, options, keywords=KEYWORDS)
    return {key(text) for _, _, text, _, _ in found}


def test_the_catalogue_has_every_text_of_the_code(german: Catalog) -> None:
    known = {key(message.id) for message in german} | {message.id[0] for message in german if message.pluralizable}
    assert extracted() - known == set(), "run `make texts`, then translate"


def test_german_has_one_word_per_thing(german: Catalog) -> None:
    """See the terms in docs/translating.md."""
    wrong = re.compile(r"Auftragstyp|Jobtyp|\b(Jobs?|Kennw[oö]rt\w*|Nutzern?|Queues?)\b")
    assert [text for message in german if message.id for text in texts(message) if wrong.search(text)] == []


def test_no_text_is_left_in_english(german: Catalog) -> None:
    assert [message.id for message in german if message.id and not all(texts(message))] == []


def test_no_translation_is_fuzzy(german: Catalog) -> None:
    assert [message.id for message in german if message.id and message.fuzzy] == []


def test_a_translation_has_the_same_placeholders(german: Catalog) -> None:
    assert [(message.id, list(message.check(german))) for message in german if list(message.check(german))] == []


def test_a_translation_has_the_markup_of_its_text_and_no_other(german: Catalog) -> None:
    for message in (message for message in german if message.id):
        source = message.id if isinstance(message.id, str) else message.id[0]
        for text in texts(message):
            assert sorted(TAGS.findall(text)) == sorted(TAGS.findall(source)), message.id


def test_the_compiled_catalogue_is_current(german: Catalog) -> None:
    fresh = BytesIO()
    write_mo(fresh, german)
    fresh.seek(0)
    compiled = gettext.GNUTranslations(BytesIO(CATALOGUE.with_suffix(".mo").read_bytes()))._catalog
    assert compiled | {"": ""} == gettext.GNUTranslations(fresh)._catalog | {"": ""}, "run `make texts`"


@cache
def parsed(template: Path) -> nodes.Template:
    return Environment(extensions=["jinja2.ext.i18n"], autoescape=True).parse(template.read_text())


def named(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


def test_templates_contain_no_untranslatable_text() -> None:
    assert {named(template): texts for template in TEMPLATES if (texts := untranslatable(template))} == {}


def test_templates_translate_only_literal_texts() -> None:
    """`_(variable)` is marked as safe markup, whoever wrote it; `variable | translated` is escaped."""
    assert {named(template): lines for template in TEMPLATES if (lines := translated_variables(template))} == {}


def untranslatable(template: Path) -> list[str]:
    tree = parsed(template)
    page = Visible()
    page.feed("".join(piece(node) for output in tree.find_all(nodes.Output) for node in output.nodes))
    shown = [text for text in page.texts if LETTERS.search(NO_WORDS.sub("", text))]
    return shown + [text for output in tree.find_all(nodes.Output) for text in phrases(output)]


def translated_variables(template: Path) -> list[int]:
    calls = [call for call in parsed(template).find_all(nodes.Call) if getattr(call.node, "name", "") in GETTEXT]
    return [call.lineno for call in calls if not isinstance(call.args[0], nodes.Const)]


class Visible(HTMLParser):
    """Collects the texts of a page that users see or that screen readers read."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.texts += [value for name, value in attributes if name in READ_ALOUD and value]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def piece(node: nodes.Expr) -> str:
    return node.data if isinstance(node, nodes.TemplateData) else "0"


def phrases(node: nodes.Node) -> list[str]:
    """Return phrases inside an expression that are not translated."""
    if isinstance(node, nodes.Call) and getattr(node.node, "name", "") in GETTEXT | {"url_for", "icon"}:
        return []
    if isinstance(node, nodes.Const) and isinstance(node.value, str):
        return [node.value] if PHRASE.search(NO_WORDS.sub("", node.value)) else []
    return [text for child in node.iter_child_nodes() for text in phrases(child)]
