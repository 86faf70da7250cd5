"""report.html: the profile for people, in one file that needs no other and runs no script."""

from functools import cache
from pathlib import Path
from typing import BinaryIO

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from webapp.jobtypes.dataset_report.chart import bars
from webapp.jobtypes.dataset_report.profile import Profile
from webapp.jobtypes.dataset_report.wording import number_in_words, share_in_words, size_in_words, value_in_words

TEMPLATES = Path(__file__).parent / "templates"
MOST_DETAILED = 300  # columns; more make a page that no browser likes, and profile.json has them all
CHUNK = 64


def write_report(profile: Profile, out: BinaryIO) -> None:
    """Render the page piece by piece."""
    template = _environment().get_template("report.html")
    pieces = template.stream(profile=profile, columns=profile.columns[:MOST_DETAILED], missing=_missing(profile))
    pieces.enable_buffering(CHUNK)
    for piece in pieces:  # noqa: FURB122 - an attachment promises write() only
        out.write(piece.encode("utf-8", "replace"))


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": number_in_words, "value": value_in_words, "size": size_in_words}
    environment.globals |= {"bars": bars, "share": share_in_words}
    return environment


def _missing(profile: Profile) -> str:
    cells = profile.rows * len(profile.columns)
    return share_in_words(sum(column.missing for column in profile.columns), cells)
