"""What a work-horse does with a job whose queue has a launcher: it launches it instead of running it.

It records the launch first, because the process can begin before the command has returned. Then the job waits without
the work-horse. A command that fails ends the attempt with its last words, so that the job is retried or fails by the
policy of its type.
"""

import logging
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import IO
from uuid import UUID

from webapp.fault_injection import faultpoint
from webapp.jobs.execution.handler_errors import LaunchFailed
from webapp.jobs.execution.isolation.child_processes import OUTLIVES
from webapp.jobs.launching.launchers import Launcher, filled
from webapp.jobs.launching.launches import Launches
from webapp.jobs.model.job import Job
from webapp.jobs.model.policies import Resources

log = logging.getLogger(__name__)
_LAST_WORDS = 2_000  # characters
_STOP_SECONDS = 30.0
_INTERVAL = 0.1
_LOOK_EVERY = 5  # intervals, to see whether the process has begun


class LaunchRun:
    """Launches jobs and stops the processes that are no longer wanted."""

    def __init__(
        self, launches: Launches, launchers: Mapping[str, Launcher], resources_of: Callable[[str], Resources]
    ) -> None:
        self._launches = launches
        self._launchers = launchers
        self._resources_of = resources_of
        self._attached: list[subprocess.Popen[bytes]] = []  # commands that have not returned

    def launches(self, queue: str) -> bool:
        """Return whether the jobs of a queue are launched."""
        return queue in self._launchers

    def has_unwanted(self, queue: str) -> bool:
        """Return whether a process of a queue must be stopped."""
        return queue in self._launchers and queue in self._launches.queues_with_processes_to_stop()

    def launch(self, job: Job, horse_lease: UUID) -> None:
        """Launch a claimed job; raise `LaunchFailed`, or `LeaseLost` if the job is no longer this work-horse's."""
        launcher = self._launchers[job.queue]
        values = launcher.values_for(job, self._resources_of(job.type))
        lease_id = self._launches.open(job, socket.gethostname(), launcher.begin_within_seconds)
        faultpoint("launch.start")
        failure = self._start(job, launcher, values)
        faultpoint("launch.started")
        if failure and not self._launches.has_begun(job):
            self._launches.end(job.id, job.attempt)
            raise LaunchFailed(failure)
        self._launches.let_wait(job, horse_lease, lease_id)

    def stop_unwanted(self, queue: str) -> None:
        """Stop the processes of a queue whose jobs have ended or were launched again."""
        launcher = self._launchers.get(queue)
        for launch in self._launches.to_stop(queue) if launcher else ():
            if launcher and launcher.stop:
                values = launcher.values_for(replace(launch.job, attempt=launch.attempt), Resources())
                self._stop(launch.job, launcher, values)
            self._launches.end(launch.job.id, launch.attempt)

    def _start(self, job: Job, launcher: Launcher, values: Mapping[str, str]) -> str:
        """Run the command; return why it has failed, or an empty text."""
        with tempfile.TemporaryFile() as output:
            try:
                process = _run(launcher.start, values, output, filled(launcher.input, values))
            except OSError as error:
                return f"The launcher of queue {job.queue} cannot be started: {error}."
            status = self._wait(process, job, launcher.return_within_seconds)
            self._attached = [command for command in (*self._attached, process) if command.poll() is None]
            words = _last_words(output)
        if status:
            return f"The launcher of queue {job.queue} failed with status {status}. {words or 'It wrote nothing.'}"
        return ""

    def _wait(self, process: subprocess.Popen[bytes], job: Job, seconds: float) -> int:
        """Wait until a command returns, its job has begun, or the time is over; return its exit status."""
        until = time.monotonic() + seconds
        turn = 0
        while (status := process.poll()) is None and time.monotonic() < until:
            turn += 1
            if turn % _LOOK_EVERY == 0 and self._launches.has_begun(job):
                break
            time.sleep(_INTERVAL)
        return status or 0

    def _stop(self, job: Job, launcher: Launcher, values: Mapping[str, str]) -> None:
        with tempfile.TemporaryFile() as output:
            try:
                status = _run(launcher.stop, values, output).wait(_STOP_SECONDS)
            except (OSError, subprocess.TimeoutExpired) as error:
                log.warning("The process of job %s could not be stopped: %s", job.id, error)
                return
            if status:
                log.warning("The process of job %s could not be stopped (%d): %s", job.id, status, _last_words(output))


def _run(
    command: tuple[str, ...], values: Mapping[str, str], output: IO[bytes], given: str = ""
) -> subprocess.Popen[bytes]:
    with tempfile.TemporaryFile() as source:
        source.write(given.encode())
        source.seek(0)
        return subprocess.Popen(  # noqa: S603  (the operator's command)
            [filled(word, values) for word in command],
            stdin=source,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, **dict([OUTLIVES])},
        )


def _last_words(output: IO[bytes]) -> str:
    output.seek(0, os.SEEK_END)
    output.seek(max(0, output.tell() - 4 * _LAST_WORDS))
    return output.read().decode(errors="replace").strip()[-_LAST_WORDS:]
