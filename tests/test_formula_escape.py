import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.formula_escape import PLAIN_NUMBER, SIGNS, neutral


@pytest.mark.parametrize(
    "cell", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", " =1", "\ufeff=1", "\uff1d1"]
)
def test_a_formula_is_escaped(cell):
    assert neutral(cell) == "'" + cell


@pytest.mark.parametrize(
    "cell", ["", "Ana Ruiz", "-5", "+34600123456", "-1.5e3", "a=b", "'=1", "12:30", "ana@example.org"]
)
def test_a_harmless_cell_is_unchanged(cell):
    assert neutral(cell) == cell


@given(st.text(alphabet=st.sampled_from(SIGNS + " \t\r\n\0\ufeff\u200b'a1.e"), max_size=6) | st.text())
def test_no_cell_begins_with_a_sign_unless_it_is_a_number(cell):
    made = neutral(cell)
    seen = made.strip(" \t\r\n\0\ufeff\u200b")
    assert not seen.startswith(tuple(SIGNS)) or PLAIN_NUMBER.fullmatch(made)
    assert made.removeprefix("'") == cell.removeprefix("'") or made == cell
    assert neutral(made) == made
