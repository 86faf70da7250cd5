import json
from collections.abc import Callable

import pytest
from click.testing import Result
from sqlalchemy import select

from tests.asked_jobs import QUESTION, asked_job
from webapp.accounts.user import User
from webapp.db.engine import reading
from webapp.jobs.model.job import Job
from webapp.schema import audit
from webapp.services import Services

pytestmark = pytest.mark.usefixtures("database")
Run = Callable[..., Result]


@pytest.fixture
def asked(services: Services, person: Callable[..., User]) -> Job:
    person("bo", role="operator")
    return asked_job(services)[0]


def test_questions_are_listed_and_answered_by_a_person(run: Run, services: Services, asked: Job) -> None:
    [question] = json.loads(run("job", "questions", "--as", "bo", "--json").stdout)
    assert (question["job_id"], question["text"], question["ends_at"]) == (str(asked.id), QUESTION, None)
    assert QUESTION in run("job", "questions", "--as", "bo").stdout
    assert "waits for an answer" in run("job", "list").stdout
    answered = json.loads(run("job", "answer", asked.id, "--answer", '{"keep": true}', "--as", "bo", "--json").stdout)
    assert (answered["status"], answered["asked_of"]) == ("queued", None)
    assert run("job", "questions", "--as", "bo").stdout == ""
    with reading(services.engine) as connection:
        line = connection.execute(select(audit).where(audit.c.action == "job_answer")).mappings().one()
    assert (line["object_id"], line["after"]) == (str(asked.id), {"as": "bo"})


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("--answer", '{"keep": true}'), 2, "Say who answers: --as NAME."),
        (("--answer", '{"keep": true}', "--as", "ana"), 1, "Only those whom the job asks can do this."),
        (("--answer", "yes", "--as", "bo"), 2, "--answer is not valid JSON"),
        (
            ("--answer", "{}", "--as", "bo"),
            2,
            "The answer does not fit the form of the question. keep: Field required.",
        ),
    ],
)
def test_an_answer_that_is_not_possible_is_refused(
    run: Run, services: Services, user: User, asked: Job, words: tuple[str, ...], code: int, sentence: str
) -> None:
    refused = run("job", "answer", asked.id, *words)
    assert (refused.exit_code, sentence in refused.stderr) == (code, True), refused.stderr
    assert services.jobs.get(asked.id) == asked


def test_a_job_that_asks_nothing_cannot_be_answered_nor_one_that_asks_be_run(
    run: Run, services: Services, asked: Job
) -> None:
    refused = run("job", "answer", services.jobs.create_system_job("maintenance").id, "--answer", "{}", "--as", "bo")
    assert (refused.exit_code, "does not wait for an answer" in refused.stderr) == (1, True)
    refused = run("job", "run", asked.id, input="y\n")
    assert refused.exit_code != 0
    assert services.jobs.get(asked.id) == asked
