from pathlib import Path

from flask import Flask, url_for

from webapp.views.page import assets


def site(folder: Path, file: str, text: str) -> Flask:
    path = folder / file
    path.parent.mkdir(parents=True)
    path.write_text(text)
    app = Flask("site", root_path=str(folder))
    assets.init_app(app)
    return app


def test_a_file_with_another_content_has_another_url(tmp_path: Path) -> None:
    def address(name: str, text: str) -> str:
        with site(tmp_path / name, "static/a.css", text).test_request_context():
            return url_for("static", filename="a.css")

    first = address("first", "a {}")
    assert first.startswith("/static/a.css?v=")
    assert first == address("second", "a {}") != address("third", "b {}")


def test_a_missing_file_has_no_version(tmp_path: Path) -> None:
    with site(tmp_path, "static/a.css", "a {}").test_request_context():
        assert url_for("static", filename="b.css") == "/static/b.css"


def test_a_changed_template_changes_the_version_of_all(tmp_path: Path) -> None:
    def version(name: str, text: str) -> str:
        with site(tmp_path / name, "templates/a.html", text).app_context():
            return assets.template_version()

    assert version("first", "<p>") == version("second", "<p>") != version("third", "<b>")
