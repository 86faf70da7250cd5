"""What ends an attempt that has asked."""

import subprocess
import sys

from tests.asked_jobs import FORM, QUESTION
from webapp.jobs.questions.question import QuestionDraft
from webapp.jobs.questions.wait_for_answer import WaitForAnswer


def test_a_handler_cannot_swallow_it_by_accident() -> None:
    draft = QuestionDraft(name="rows", text=QUESTION, form=FORM, asked_of="role:user")
    waits = WaitForAnswer(draft, lambda *_: None)
    assert not isinstance(waits, Exception)
    assert (str(waits), waits.asked_of) == (QUESTION, "role:user")


def test_workers_import_nothing_else_of_questions() -> None:
    code = (
        "import sys, webapp.jobs.public_names, webapp.jobs.execution.work_horse\n"
        "print([name for name in sys.modules if name.startswith('webapp.jobs.questions.')])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "['webapp.jobs.questions.wait_for_answer']"
