"""Titles that a job type computes from the payload."""

import logging
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel, SecretStr

from tests.jobs.queries.test_visible_jobs import ANA, PUBLIC
from tests.jobs.statements import recorded
from webapp.jobs.definition.field_specs import Upload
from webapp.jobs.definition.job_type import JobType, job_type
from webapp.jobs.definition.titles import title_of, usual_title
from webapp.jobs.execution.context import JobContext
from webapp.jobs.queries.criteria import JobCriteria
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")


class Invoices(BaseModel):
    month: str = "May"
    key: SecretStr = SecretStr("hush-hush-4711")


def invoices(title: Any) -> JobType:
    def handler(job: JobContext, payload: Invoices) -> None:
        """Do nothing."""

    return job_type("invoice_run", title=title)(handler)


@pytest.fixture
def title(services: Services) -> Callable[..., str]:
    """Create a job of a type with this title, and return the job's title."""

    def title(declared: Any, payload: dict[str, Any] | None = None, **choices: Any) -> str:
        services.registry._types["invoice_run"] = invoices(declared)
        return services.jobs.create_job("invoice_run", payload, **choices).title

    return title


def test_a_title_is_computed_from_the_payload(title: Callable[..., str]) -> None:
    assert title(lambda payload: f"Invoices of {payload.month}", {"month": "June"}) == "Invoices of June"
    assert title("Invoices") == "Invoices"


def test_a_chosen_title_comes_first(title: Callable[..., str], caplog: pytest.LogCaptureFixture) -> None:
    assert title(lambda payload: payload.nothing, title="Mine") == "Mine"
    assert not caplog.records


@pytest.mark.parametrize("empty", [None, "", " \n\t "])
def test_no_title_is_the_plain_title(title: Callable[..., str], empty: Any, caplog: pytest.LogCaptureFixture) -> None:
    assert title(lambda _: empty) == "Invoice run"
    assert not caplog.records


def broken_recursion(payload: Any) -> str:
    return broken_recursion(payload)


class Unreadable(Exception):
    def __str__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize(
    "broken",
    [
        lambda payload: payload.nothing,
        lambda payload: 7,
        lambda payload: b"bytes",
        lambda payload: (_ for _ in ()).throw(Unreadable),
        broken_recursion,
    ],
)
def test_a_function_that_fails_costs_only_the_title(
    title: Callable[..., str], broken: Callable[[Any], Any], caplog: pytest.LogCaptureFixture
) -> None:
    assert title(broken) == "Invoice run"
    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage().startswith("The title of a job of type 'invoice_run' cannot be computed: ")


def test_a_title_is_one_clean_line_of_at_most_200_characters(title: Callable[..., str]) -> None:
    assert title(lambda _: "Invoices\nof \x1b[31mMay\x1b[0m\x07 ") == "Invoices of May\u2407"
    assert title(lambda _: "x" * 200) == "x" * 200
    assert title(lambda _: "x" * 201) == "x" * 199 + "…"
    assert title(lambda _: "x" * 198 + " yz") == "x" * 198 + "…"


def test_secrets_are_masked_in_titles_and_in_the_warning(
    title: Callable[..., str], caplog: pytest.LogCaptureFixture
) -> None:
    secret = "hush-hush-4711"
    shown = title(lambda payload: f"Key {payload.key.get_secret_value()}", {"key": secret})
    assert (secret in shown, shown.startswith("Key **")) == (False, True)
    many = title(lambda payload: "x" * 190 + payload.key.get_secret_value() + "x" * 50, {"key": secret})
    assert "hush" not in many

    def fails(payload: Invoices) -> str:
        raise ValueError(payload.key.get_secret_value())

    assert title(fails, {"key": secret}) == "Invoice run"
    assert secret not in caplog.text


def test_many_jobs_have_their_own_titles_in_one_statement(services: Services) -> None:
    services.registry.add(invoices(lambda payload: f"Invoices of {payload.month}"))
    payloads = [{"month": f"month {number}"} for number in range(50)]
    with recorded(services.engine) as many:
        ids = services.jobs.create_many("invoice_run", payloads)
    with recorded(services.engine) as two:
        services.jobs.create_many("invoice_run", payloads[:2])
    assert [services.jobs.get(job_id).title for job_id in ids] == [f"Invoices of month {n}" for n in range(50)]
    assert len(many) == len(two)
    same = services.jobs.create_many("invoice_run", payloads[:2], title="Same")
    assert {services.jobs.get(job_id).title for job_id in same} == {"Same"}


def test_child_jobs_have_computed_titles_too(services: Services) -> None:
    services.registry.add(invoices(lambda payload: f"Invoices of {payload.month}"))
    root = services.jobs.create_job("invoice_run")
    assert services.jobs.create_child_job(root.id, "invoice_run", {"month": "June"}).title == "Invoices of June"


def test_a_search_finds_a_computed_title(services: Services, title: Callable[..., str]) -> None:
    title(lambda payload: f"Zebra of {payload.month}", owner=PUBLIC)
    [job] = services.queries.lists.find(ANA, JobCriteria(text="zebra of may")).jobs
    assert job.title == "Zebra of May"


def test_the_usual_title_of_a_stored_payload(services: Services) -> None:
    computed = invoices(lambda payload: f"Invoices of {payload.month}")
    services.registry.add(computed)
    job = services.jobs.create_job("invoice_run", {"month": "June"})
    assert usual_title(computed, job.payload, services.vault) == "Invoices of June"
    assert usual_title(computed, {"month": 7}, services.vault) == "Invoice run", "its payload does not fit any more"
    assert usual_title(invoices("Plain"), job.payload, services.vault) == "Plain"
    assert title_of(computed, Invoices(month="July"), {}, services.vault) == "Invoices of July"


class Letters(BaseModel):
    texts: list[Upload] = []
    table: Upload | None = None
    key: SecretStr = SecretStr("hush-hush-4711")


def upload(name: str) -> Upload:
    return Upload(name=name, size=1, sha256="")


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (Letters(), "Letters"),
        (Letters(table=upload("may.csv")), "Letters: may.csv"),
        (Letters(texts=[upload("a.txt"), upload("b.txt")], table=upload("may.csv")), "Letters: a.txt +2"),
        (Letters(table=upload("x" * 300)), f"Letters: {'x' * 150}"),
    ],
)
def test_a_job_is_named_after_its_file(services: Services, payload: Letters, expected: str) -> None:
    def handler(job: JobContext, payload: Letters) -> None:
        """Do nothing."""

    declared = job_type("letters", title="Letters")(handler)
    assert title_of(declared, payload, payload.model_dump(mode="json"), services.vault) == expected
