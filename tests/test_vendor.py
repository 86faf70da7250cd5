"""Vendored files are unchanged, have a licence, and are all listed."""

import json
import re
from base64 import b64encode
from hashlib import sha384
from pathlib import Path

STATIC = Path(__file__).parent.parent / "static"
VENDOR = STATIC / "vendor"
PACKAGES = json.loads((VENDOR / "vendor.json").read_text())


def test_every_vendored_file_is_the_one_that_was_published() -> None:
    listed = {name: digest for package in PACKAGES for name, digest in package["files"].items()}
    present = {file.relative_to(VENDOR).as_posix(): _digest(file) for file in VENDOR.glob("*/*")}
    assert present == listed


def test_every_package_says_its_version_and_licence() -> None:
    for package in PACKAGES:
        assert package["version"] in package["source"]
        assert package["licence"]
        assert any(name.endswith("LICENSE") for name in package["files"])


def test_the_sprite_has_the_icons_that_are_used_and_no_others() -> None:
    root = STATIC.parent
    templates = "".join(file.read_text() for file in (root / "templates").rglob("*.html"))
    wording = "".join(file.read_text() for file in (root / "webapp/views").rglob("*.py"))
    present = set(re.findall(r'<symbol id="([^"]+)"', (STATIC / "icons.svg").read_text()))
    used = {name for name in present if f'"{name}"' in templates or f'"{name}"' in wording}
    asked = set(re.findall(r'icon\("([^"]+)"', templates)) | set(re.findall(r'Look\([^)]*"([a-z0-9-]+)"\)', wording))
    assert present == used
    assert asked <= present


def _digest(file: Path) -> str:
    return "sha384-" + b64encode(sha384(file.read_bytes()).digest()).decode()
