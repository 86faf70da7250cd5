"""Python and both databases fold the same letters the same way."""

import pytest
from sqlalchemy import literal, select

from webapp.db.case_folding import fold_case, folded, has_text
from webapp.db.engine import reading
from webapp.services import Services

pytestmark = [pytest.mark.usefixtures("database"), pytest.mark.dialect(both=True)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ÇELİK", "çelik"),
        ("ISPARTA", "\u0131sparta"),
        ("ΟΔΟΣ", "οδος"),
        ("STRASSE", "Straße"),
        ("ẞ", "ß"),
        ("ЖУК", "жук"),
        ("PRÜFEN", "pru\u0308fen"),
    ],
)
def test_words_that_differ_in_case_contain_each_other(services: Services, one: str, other: str) -> None:
    with reading(services.engine) as connection:
        assert connection.execute(select(has_text(literal(f"-{one}-"), other))).scalar_one()
        assert connection.execute(select(has_text(literal(f"-{other}-"), one))).scalar_one()


def test_a_database_folds_all_letters_as_python_does(services: Services) -> None:
    letters = [chr(point) for point in range(1, 0x2000) if chr(point).isalpha()]
    with reading(services.engine) as connection:
        text = connection.execute(select(folded(literal(" ".join(letters))))).scalar_one()
    differing = [one for one, other in zip(letters, text.split(" "), strict=True) if fold_case(one) != other]
    assert differing == []


def test_nothing_is_folded_to_nothing(services: Services) -> None:
    with reading(services.engine) as connection:
        assert connection.execute(select(folded(literal(None)))).scalar_one() is None
