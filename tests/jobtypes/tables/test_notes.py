from webapp.jobtypes.tables.notes import Note


def test_a_note_is_english_and_its_parts_can_be_translated() -> None:
    note = Note("Line %(line)s: %(why)s.", {"line": 1200, "why": Note("%(count)s fields", {"count": 3})})
    assert str(note) == "Line 1,200: 3 fields."
    german = {"Line %(line)s: %(why)s.": "Zeile %(line)s: %(why)s.", "%(count)s fields": "%(count)s Felder"}
    assert (
        note.in_words(lambda text: german[text], lambda number: f"{number:,}".replace(",", "."))
        == "Zeile 1.200: 3 Felder."
    )
