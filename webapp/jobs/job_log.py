"""The logger of a running job: its lines land in the job's own log."""

import logging

from webapp.jobs.reporter import Reporter

_LONGEST = 8192  # characters of a line


def logger_of(type_name: str, reporter: Reporter) -> logging.Logger:
    """Return a logger for one attempt, which is kept nowhere."""
    logger = logging.Logger(f"deskjob.job.{type_name}", logging.DEBUG)  # noqa: LOG001
    logger.addHandler(_JobLog(reporter))
    return logger


class _JobLog(logging.Handler):
    def __init__(self, reporter: Reporter) -> None:
        super().__init__()
        self._reporter = reporter

    def emit(self, record: logging.LogRecord) -> None:
        self._reporter.log(record.levelname, self.format(record)[:_LONGEST])
