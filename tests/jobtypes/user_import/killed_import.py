"""A work-horse that is killed between the second account of an import and the checkpoint behind it.

Run as a program by the test: the settings are in the environment, the lease is the argument.
"""

import os
import signal
import sys
from uuid import UUID

from webapp.app import create_app
from webapp.jobs.execution.context import JobContext
from webapp.jobs.lifecycle.finish_attempt import AttemptLocation

save_state = JobContext.save_state
accounts = 0


def save_state_or_die(job, state=None):
    global accounts  # noqa: PLW0603
    accounts += state is None
    if accounts == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    save_state(job, state)


if __name__ == "__main__":
    JobContext.save_state = save_state_or_die
    app = create_app()
    with app.app_context():
        horse = app.extensions["deskjob"].work_horse()
        horse.drain("default", UUID(sys.argv[1]), AttemptLocation(worker="tests", host="here", pid=os.getpid()))
