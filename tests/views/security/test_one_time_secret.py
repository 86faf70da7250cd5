from flask import Flask

from webapp.views.security.one_time_secret import remember_one_time_secret, take_one_time_secret


def test_a_secret_is_taken_once_and_by_its_name(app: Flask) -> None:
    with app.test_request_context():
        remember_one_time_secret("ana", "a long secret")
        assert take_one_time_secret("ben") == ""
        assert take_one_time_secret("ana") == "a long secret"
        assert take_one_time_secret("ana") == ""


def test_the_cookie_does_not_show_the_secret(app: Flask) -> None:
    with app.test_request_context() as request:
        remember_one_time_secret("ana", "a long secret")
        assert "a long secret" not in str(dict(request.session))


def test_a_secret_of_another_key_is_forgotten(app: Flask) -> None:
    with app.test_request_context() as request:
        request.session["one_time"] = {"name": "ana", "$secret": "x"}
        assert take_one_time_secret("ana") == ""
