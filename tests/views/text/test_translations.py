"""In templates, translated text can be markup; variables are escaped."""

from flask import Flask
from markupsafe import Markup

from webapp.views.text.translations import gettext_markup


def test_variables_are_escaped_and_the_text_is_not(app: Flask) -> None:
    with app.test_request_context():
        assert gettext_markup("<b>%(job)s</b>", job="<script>") == Markup("<b>&lt;script&gt;</b>")
        assert gettext_markup("%(job)s", job=Markup("<i>kept</i>")) == Markup("<i>kept</i>")
        assert isinstance(gettext_markup("Jobs"), Markup)


def test_a_percent_sign_is_written_twice_with_variables_or_without(app: Flask) -> None:
    with app.test_request_context():
        assert gettext_markup("95 %% started within") == "95 % started within"
        assert gettext_markup("95 %% within %(period)s", period=3) == "95 % within 3"
