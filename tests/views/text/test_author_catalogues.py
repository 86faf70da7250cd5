"""Catalogues that come with job types: in the language of the viewer, and never in the way of Deskjob's own."""

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from flask.testing import FlaskClient

from webapp.accounts.user import User
from webapp.jobs.model.job import Job, Status
from webapp.services import Services
from webapp.views.text import author_catalogues

MODULE = """
from typing import Literal
from pydantic import BaseModel, Field
from webapp.jobs import JobContext, job_type

class Harvest(BaseModel):
    crop: Literal["wheat", "rye"] = Field("wheat", title="Crop", json_schema_extra={"labels": {"wheat": "Wheat"}})

@job_type("harvest", title="Bring in the harvest", description="Cuts the corn.", group="Farming")
def harvest(job: JobContext, payload: Harvest) -> None:
    pass
"""
TEXTS = {
    "Bring in the harvest": "Ernte einbringen",
    "Cuts the corn.": "Mäht das Korn.",
    "Farming": "Landwirtschaft",
    "Crop": "Feldfrucht",
    "Wheat": "Weizen",
    "The rain has begun.": "Es regnet jetzt.",
    "%(count)s sheaves are wet": "%(count)s Garben sind nass",
    "%(who)s meets %(who)s": "%(who)s trifft sich",
    "The %(tool)s is lost": "%(werkzeug)s ist weg",
    "The %(tool)s is half full": "%(tool)s ist 50 % voll",
    "farm.broken": "Die Maschine %(name)s ist defekt.",
    "Sign out": "Feierabend",
}


@pytest.fixture
def farming(tmp_path: Path, services: Services, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """A package with a job type and a German catalogue, in use."""
    package = tmp_path / "farming_jobs" / "field"
    package.mkdir(parents=True)
    (package.parent / "__init__.py").touch()
    (package / "__init__.py").write_text(MODULE)
    folder = package.parent / "translations" / "de" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    catalogue = Catalog("de")
    for text, german in TEXTS.items():
        catalogue.add(text, german)
    with (folder / "messages.mo").open("wb") as file:
        write_mo(file, catalogue)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(author_catalogues, "_folders", [])
    module = importlib.import_module("farming_jobs.field")
    services.registry.add(module.harvest)
    author_catalogues.register(services.registry)
    yield module
    monkeypatch.undo()
    author_catalogues.register([])  # forget what is cached
    for name in ("farming_jobs.field", "farming_jobs"):
        sys.modules.pop(name, None)


@pytest.fixture
def german(client_of: Callable[[User], FlaskClient], user: User) -> Callable[[str], str]:
    """Read a page in German."""
    client = client_of(user)
    return lambda address: client.get(address, headers={"Accept-Language": "de"}).text


@pytest.mark.usefixtures("farming")
def test_titles_labels_and_choices_are_in_the_language_of_the_viewer(german: Callable[[str], str]) -> None:
    catalogue, form = german("/jobs/new"), german("/jobs/new/harvest")
    for text in ("Landwirtschaft", "Ernte einbringen", "Mäht das Korn."):
        assert text in catalogue
    for text in ("Ernte einbringen", "Feldfrucht", "Weizen"):
        assert text in form


@pytest.mark.usefixtures("farming")
def test_messages_of_a_job_are_in_the_language_of_the_viewer(
    german: Callable[[str], str], client_of: Callable[[User], FlaskClient], user: User, put: Callable[..., Job]
) -> None:
    warnings = (
        {"text": "The rain has begun."},
        {"text": "1200 sheaves are wet"},
        {"text": "The machine A7 is broken.", "key": "farm.broken", "parameters": {"name": "A7"}},
        {"text": "Nobody knows this text"},
    )
    job = put(
        Status.COMPLETED, type="harvest", title="Bring in the harvest", warnings=warnings, payload={"crop": "wheat"}
    )
    page = german(f"/jobs/{job.id}")
    for text in ("Ernte einbringen", "Es regnet jetzt.", "1.200 Garben sind nass", "Die Maschine A7 ist defekt."):
        assert text in page
    for text in ("Feldfrucht", "Weizen", "Nobody knows this text"):
        assert text in page
    english = client_of(user).get(f"/jobs/{job.id}", headers={"Accept-Language": "en"}).text
    for text in ("Bring in the harvest", "The rain has begun.", "1200 sheaves are wet", "The machine A7 is broken."):
        assert text in english


@pytest.mark.usefixtures("farming")
def test_a_name_that_a_sentence_has_twice_is_recognised(german: Callable[[str], str], put: Callable[..., Job]) -> None:
    assert "Ada trifft sich" in german(f"/jobs/{put(Status.COMPLETED, warnings=({'text': 'Ada meets Ada'},)).id}")


@pytest.mark.usefixtures("farming")
@pytest.mark.parametrize("text", ["The rake is lost", "The tank is half full"])
def test_a_mistake_in_a_translation_leaves_the_sentence_as_it_is(
    german: Callable[[str], str], put: Callable[..., Job], text: str
) -> None:
    assert text in german(f"/jobs/{put(Status.COMPLETED, warnings=({'text': text},)).id}")


@pytest.mark.usefixtures("farming")
def test_the_texts_of_deskjob_stay_its_own(german: Callable[[str], str]) -> None:
    page = german("/jobs")
    assert "Abmelden" in page
    assert "Feierabend" not in page


def test_without_catalogues_nothing_is_looked_up(german: Callable[[str], str]) -> None:
    assert author_catalogues.author_gettext("Farming") == "Farming"
    assert author_catalogues.patterns("de") == ()
