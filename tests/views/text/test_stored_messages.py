import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask_babel import force_locale

from webapp.views.text.engine_messages import FIXED, PATTERNS
from webapp.views.text.stored_messages import diagnostic_text, translated

ROOT = Path(__file__).parent.parent.parent.parent
LITERAL = re.compile(r"%\(\w+\)s[.)]*")


@pytest.fixture
def german(app: Flask) -> Iterator[None]:
    with app.test_request_context(), force_locale("de"):
        yield


@pytest.fixture(scope="module")
def sources() -> str:
    folders = (
        "jobs",
        "accounts",
        "sign_in",
        "jobtypes",
        "notifications",
        "inbound",
        "operations",
        "processes",
        "db",
        "api",
    )
    files = [file for folder in folders for file in (ROOT / "webapp" / folder).rglob("*.py")]
    return re.sub(r"\"\s*\n\s*f?\"", "", "\n".join(file.read_text() for file in files))


@pytest.mark.usefixtures("german")
def test_a_sentence_of_the_engine_is_read_in_german() -> None:
    assert translated("The worker that ran this job was killed.").startswith("Der Worker")


@pytest.mark.usefixtures("german")
def test_filled_in_values_are_kept() -> None:
    assert translated("The file sales 100 %.csv is empty.") == "Die Datei sales 100 %.csv ist leer."
    killed = "The process that ran this job was killed (SIGKILL)."
    hint = " The machine may have run out of memory: the process used up to 1,024 MB."
    assert "(SIGKILL)" in translated(killed)
    assert "1.024 MB" in translated(killed + hint)
    ran_out = "The kernel killed the process that ran this job, because memory ran out: it used up to 1,024 MB."
    assert "1.024 MB" in translated(ran_out)


@pytest.mark.usefixtures("german")
def test_numbers_sizes_and_lists_are_localised() -> None:
    assert translated("1,160 rows, 5 columns") == "1.160 Zeilen, 5 Spalten"
    assert translated("1.5 MB of 40 MB, 12 rows") == "1,5 MB von 40 MB, 12 Zeilen"
    assert translated("Deleted 3 jobs, 1 session.") == "Gelöscht: 3 Aufträge, 1 Sitzung."
    assert translated("The file has more than 20 MB. Split it into several files.").startswith("Die Datei ist größer")
    assert translated("Clean up jobs") == "Clean up jobs"
    assert translated("1,160 rows, all of them good") == "1,160 rows, all of them good"


@pytest.mark.usefixtures("german")
def test_untranslated_text_stays_unchanged() -> None:
    assert translated("The shop 50% %(x)s answered 503.") == "The shop 50% %(x)s answered 503."
    assert translated("") == ""


@pytest.mark.usefixtures("german")
def test_a_diagnostic_is_translated_by_its_key() -> None:
    known = {"text": "a.csv is empty", "key": "The file %(name)s is empty.", "parameters": {"name": "a.csv"}}
    assert diagnostic_text(known) == "Die Datei a.csv ist leer."
    assert diagnostic_text({**known, "parameters": {"file": "a.csv"}}) == "a.csv is empty"
    assert diagnostic_text({**known, "key": "shop_closed"}) == "a.csv is empty"
    assert diagnostic_text({"text": "The file a.csv is empty."}) == "Die Datei a.csv ist leer."


def test_english_viewers_see_the_stored_text(app: Flask) -> None:
    with app.test_request_context():
        assert translated("The file a.csv is empty.") == "The file a.csv is empty."


def test_every_listed_message_exists_in_the_code(sources: str) -> None:
    # the code writes some of them once for several things: "{what} must be a single line"
    written = {
        sentence: re.sub("^(A full name|A tenant|A filter|A preset) ", "", sentence) for sentence in (*FIXED, *PATTERNS)
    }
    missing = {
        sentence: parts
        for sentence, text in written.items()
        if (parts := [part for part in LITERAL.split(text) if part.strip(" .") and part.strip() not in sources])
    }
    assert missing == {}
