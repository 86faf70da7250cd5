import re

from tests.faults.matrix import DELETING, POINTS
from tests.faults.test_groups import OF_GROUPS
from tests.installation import ROOT
from tests.processes.test_one_job import LAUNCHING

EDITING = "edit.commit"  # of a request or a command: tests/jobs/editing/test_job_editor.py fails at it
DECIDING = {"approve.commit", "approve.wake", "reject.commit", "expire.commit"}  # tests/jobs/approvals fail at them
ANSWERING = {"answer.commit", "answer.wake"}  # tests/jobs/questions fails at both
RATES = {"rate.wait", "rate.admit"}  # tests/jobs/queueing/test_rates.py fails at both
SETTLING = {"clock.launch"}  # tests/processes/test_one_job.py kills the clock there
BUDGETS = {"budget.admit", "budget.roll-up"}  # tests/jobs/budgets fail at both
MOVING = {"files.copied", "files.moved"}  # of a command: tests/operations/test_file_move.py stops it at both


def test_the_matrix_contains_every_fault_point() -> None:
    sources = (path.read_text() for path in (ROOT / "webapp").rglob("*.py"))
    names = {name for source in sources for name in re.findall(r'faultpoint\("(.+?)"\)', source)}
    assert names == {
        *POINTS,
        *OF_GROUPS,
        *MOVING,
        *DECIDING,
        *ANSWERING,
        *RATES,
        *BUDGETS,
        *LAUNCHING,
        *SETTLING,
        EDITING,
        DELETING,
    }
