"""A search finds exactly the jobs that the viewer may read the text of."""

from collections.abc import Callable
from typing import Any
from unicodedata import normalize
from uuid import UUID, uuid4

import pytest
from sqlalchemy import update

from tests.exhaustive import every_pair
from tests.jobs.queries.test_visible_jobs import ANA, AUDITOR, BEN, PUBLIC
from webapp.db.engine import writing
from webapp.jobs.model.job import Job, Owner
from webapp.jobs.queries.criteria import JobCriteria
from webapp.jobs.queries.text_search import parse_job_id
from webapp.jobs.queries.visible_jobs import Viewer
from webapp.schema import jobs
from webapp.services import Services

pytestmark = pytest.mark.dialect(both=True)


def set_values(services: Services, job: Job, **values: object) -> None:
    with writing(services.engine) as connection:
        connection.execute(update(jobs).where(jobs.c.id == job.id).values(**values))


def search(services: Services, text: str, viewer: Viewer = ANA, **criteria: Any) -> list[UUID]:
    return [job.id for job in services.queries.lists.find(viewer, JobCriteria(text=text, **criteria)).jobs]


def test_a_search_finds_titles_ids_parameters_messages_and_errors(
    services: Services, order: Callable[..., Job], database: str
) -> None:
    job = order("Müller & Söhne", title="Monthly report", lines=[{"sku": "X-100%", "count": 12}])
    set_values(
        services, job, message="46 of 200 done", errors=[{"text": 'The file has no column "sku_nr".', "at": "2026"}]
    )
    order("nobody")
    numbers = (str(job.id), job.id.hex, f"#{job.short_id}", job.short_id.upper())
    words = ("monthly", "REPORT", "müller", "x-100%", "12", "of 200", "sku_nr", '"sku', "Monthly 200 söhne", *numbers)
    for word in words:
        assert search(services, word) == [job.id], word
    for word in ("customer", "2026", "X_100", "monthly nobody", "at", str(uuid4())):
        assert search(services, word) == [], word


def test_a_search_ignores_the_case_of_all_letters(services: Services, order: Callable[..., Job], database: str) -> None:
    job = order("MÜLLER & Söhne", title="Öl PRÜFEN", lines=[{"sku": "ЖУК-ß"}])
    set_values(services, job, message="ÉTÉ ΟΔΟΣΑ", errors=[{"text": "Das Maß FÜR alle.", "at": "2026"}])
    order("nobody")
    words = "prüfen PRÜFEN öl müller SÖHNE жук ЖУК-ß été οδοσ ΟΔΟΣ für MAß"
    for word in (*words.split(), "Prüfen söhne"):
        assert search(services, word) == [job.id], word


@pytest.mark.parametrize(
    ("where", "database"),
    every_pair(("title", "payload", "message", "errors"), ("sqlite", "postgresql")),
    indirect=["database"],
)
def test_words_are_found_in_every_spelling_of_their_case(
    services: Services, order: Callable[..., Job], database: str, where: str
) -> None:
    spellings = (
        "ÇELİK",
        "Çelik",
        "çelik",
        "ISPARTA",
        "\u0131sparta",
        "STRASSE",
        "Straße",
        "STRAẞE",
        "25 K",
        "pru\u0308f",
    )
    for spelled in spellings:
        job = order(spelled if where == "payload" else "", title=spelled if where == "title" else "Order")
        if where in {"message", "errors"}:
            set_values(services, job, **{where: spelled if where == "message" else [{"text": spelled}]})
        forms = (spelled, spelled.lower(), spelled.upper(), spelled.casefold(), normalize("NFC", spelled))
        for word in (*forms, normalize("NFD", spelled)):
            assert search(services, word)[0] == job.id, (spelled, word)


def test_a_search_skips_parameters_and_errors_that_the_viewer_cannot_open(
    services: Services, order: Callable[..., Job], database: str
) -> None:
    public = order("Bravo", PUBLIC, title="Nightly")
    set_values(services, public, errors=[{"text": "Charlie is missing."}], message="Delta")
    other = order("Bravo", Owner(user_id=BEN.user_id))
    assert search(services, "nightly") == [public.id]
    assert search(services, "delta") == []
    assert search(services, "bravo") == search(services, "charlie") == []
    assert search(services, "bravo", AUDITOR) == [other.id, public.id]
    assert search(services, "bravo", AUDITOR, restricted_types=frozenset({"order"})) == []
    set_values(services, public, triggered_by=ANA.user_id)
    assert search(services, "charlie") == [public.id]


def test_a_secret_is_never_found(services: Services, order: Callable[..., Job], database: str) -> None:
    job = order("Echo", key="open sesame")
    encrypted = services.jobs.get(job.id).payload["key"]["$secret"]
    assert search(services, "echo") == [job.id]
    assert search(services, "sesame") == search(services, encrypted[:20]) == search(services, encrypted[8:20]) == []


def test_only_a_whole_id_is_parsed_as_one() -> None:
    job_id = uuid4()
    assert parse_job_id(f" #{job_id}") == parse_job_id(job_id.hex) == job_id
    assert parse_job_id(job_id.hex[-8:]) is None
