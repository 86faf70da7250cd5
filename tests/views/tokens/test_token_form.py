from datetime import timedelta

from werkzeug.datastructures import MultiDict

from webapp.views.tokens.token_form import TokenForm


def test_a_lifetime_is_one_of_the_choices() -> None:
    lifetimes = {text: TokenForm.of(MultiDict({"lifetime": text})).lasts for text in ("30", "never", "40", "-1", "")}
    assert lifetimes == {
        "30": timedelta(days=30),
        "never": None,
        **dict.fromkeys(("40", "-1", ""), timedelta(days=90)),
    }
