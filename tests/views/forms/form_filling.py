"""What a browser sends for the form that it is shown, untouched by anybody."""

import re
from html.parser import HTMLParser

from werkzeug.datastructures import MultiDict

VALID = {
    "number": r"-?(\d+(\.\d+)?|\.\d+)([eE][-+]?\d+)?",
    "date": r"\d{4}-\d\d-\d\d",
    "time": r"\d\d:\d\d(:\d\d(\.\d{1,3})?)?",
    "datetime-local": r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,3})?)?",
}


def sent(html: str) -> MultiDict[str, str]:
    """Collect the successful controls of `html` by the rules of HTML."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return MultiDict(reader.controls)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.controls: list[tuple[str, str]] = []
        self.name = ""
        self.text: list[str] | None = None
        self.options: list[tuple[str, bool]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "textarea":
            self.name, self.text = given["name"], []
        elif tag == "select":
            self.name, self.options = given["name"], []
        elif tag == "option":
            self.options.append((given["value"], "selected" in given))
        elif tag == "input":
            self._input(given)

    def _input(self, given: dict[str, str]) -> None:
        kind, value = given.get("type", "text"), given.get("value", "")
        if kind in {"checkbox", "radio"}:
            if "checked" in given:
                self.controls.append((given["name"], value))
        elif kind != "file":
            self.controls.append((given["name"], _sanitised(kind, value)))

    def handle_data(self, data: str) -> None:
        if self.text is not None:
            self.text.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            text = "".join(self.text or ()).replace("\r\n", "\n").removeprefix("\n")
            self.controls.append((self.name, text.replace("\n", "\r\n")))
            self.text = None
        elif tag == "select":
            chosen = [value for value, selected in self.options if selected] or [self.options[0][0]]
            self.controls.append((self.name, chosen[0]))


def _sanitised(kind: str, value: str) -> str:
    if kind in VALID:
        return value if re.fullmatch(VALID[kind], value) else ""
    value = re.sub(r"[\r\n]", "", value) if kind != "hidden" else value
    return value.strip() if kind in {"email", "url"} else value
