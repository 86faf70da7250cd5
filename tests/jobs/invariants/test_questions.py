from collections.abc import Callable

import pytest

ViolatedBy = Callable[[str], list[str]]
QUESTION = (
    "INSERT INTO job_questions (id, job_id, name, text, form, asked_of, asked_at, ends_at, state) VALUES ("
    "'00000000000000000000000000000001', :{job}, 'rows', 'Rows?', 'm:C', 'role:user', "
    "'2020-01-01 00:00:00.000000', '2020-01-02 00:00:00.000000', '{state}')"
)


@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        ("UPDATE jobs SET asked_of = 'role:user' WHERE id = :good", "Only a held job waits for an answer."),
        (
            "UPDATE jobs SET asked_of = 'role:user' WHERE id = :held",
            "A job that waits for an answer has an open question to the same people.",
        ),
        (QUESTION.format(job="good", state="open"), "A job whose question is open waits for its answer."),
        (
            QUESTION.format(job="good", state="answered"),
            "An answered question has its answer, and the timeline of its job says by whom.",
        ),
        (
            QUESTION.format(job="held", state="open"),
            "No question is open longer than 30 seconds after its time; the clock closes it.",
        ),
    ],
)
def test_a_violation_of_a_question_is_found(statement: str, rule: str, violated_by: ViolatedBy) -> None:
    assert rule in violated_by(statement)
