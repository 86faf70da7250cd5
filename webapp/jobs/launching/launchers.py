"""Launchers: the commands that start, and stop, a process for one job, by queue. Read from a TOML file.

The launched process runs ``deskjob worker --job ID`` on any machine that reaches the database and the files.
"""

import shlex
import shutil
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from webapp.config import BadSettingError
from webapp.jobs.model.job import Job
from webapp.jobs.model.policies import Resources
from webapp.jobs.model.value_rules import QUEUE_NAME

PLACEHOLDERS = ("job", "attempt", "name", "type", "queue", "image", "memory", "cpu")
_SECTION = "queues"


class BadLaunchers(BadSettingError):
    """Raised when the file of launchers cannot be used; the message says what to change."""


def _words(value: object) -> object:
    return shlex.split(value) if isinstance(value, str) else value


Command: TypeAlias = Annotated[tuple[str, ...], BeforeValidator(_words)]


class Launcher(BaseModel):
    """How the jobs of a queue are launched.

    ``start`` and ``stop`` are commands with placeholders, of which none passes through a shell; ``input`` is a
    template for what ``start`` reads. ``begin_within_seconds`` is how long the process may take to begin, and
    ``return_within_seconds`` how long its worker waits for ``start``. ``memory`` (MiB), ``cpu`` and ``image`` are for
    job types that say nothing themselves.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    start: Command = Field(min_length=1)
    stop: Command = ()
    input: str = ""
    begin_within_seconds: float = Field(default=600, ge=1, le=30 * 86_400)
    return_within_seconds: float = Field(default=30, ge=1, le=600)
    memory: int = Field(default=1024, ge=1)
    cpu: float = Field(default=1, gt=0)
    image: str = ""

    @model_validator(mode="after")
    def _names_the_job(self) -> "Launcher":
        if not any("{job}" in text for text in (*self.start, self.input)):
            message = "the command must contain {job}, as in: deskjob worker --job {job}"
            raise ValueError(message)
        return self

    def values_for(self, job: Job, resources: Resources) -> Mapping[str, str]:
        """Return the values of the placeholders for a job."""
        memory, cpu = resources.memory or self.memory, resources.cpu or self.cpu
        return {
            "job": str(job.id),
            "attempt": str(job.attempt),
            "name": f"deskjob-{job.id.hex}-{job.attempt}",  # of a unit, a container, a pod
            "type": job.type,
            "queue": job.queue,
            "image": resources.image or self.image,
            "memory": str(memory),
            "cpu": f"{cpu:g}",
        }


def filled(text: str, values: Mapping[str, str]) -> str:
    """Return a text with its placeholders filled in; other braces stay as they are."""
    for name in PLACEHOLDERS:
        text = text.replace(f"{{{name}}}", values[name])
    return text


def read_launchers(path: Path | None) -> Mapping[str, Launcher]:
    """Return the launchers by queue; raise `BadLaunchers`. Without a path there are none."""
    if path is None:
        return {}
    try:
        document = tomllib.loads(path.read_text())
    except OSError as error:
        message = f"The file of launchers cannot be read: {error}."
        raise BadLaunchers(message) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        message = f"The file of launchers {path} is no valid TOML: {error}."
        raise BadLaunchers(message) from None
    sections = document.pop(_SECTION, {})
    if document or not isinstance(sections, dict) or not sections:
        message = f"The file of launchers {path} must have a table [{_SECTION}.NAME] for each queue, and nothing else."
        raise BadLaunchers(message)
    return {queue: _launcher(path, queue, section) for queue, section in sections.items()}


def missing_program(launcher: Launcher) -> str:
    """Return the program of a command that is not installed here; empty if all are."""
    programs = [command[0] for command in (launcher.start, launcher.stop) if command]
    return next((program for program in programs if shutil.which(program) is None), "")


def _launcher(path: Path, queue: str, section: Any) -> Launcher:
    where = f"The launcher of queue {queue!r} in {path} cannot be used"
    if not QUEUE_NAME.accepts(queue):
        message = f"{where}: {QUEUE_NAME.objection('its name', queue)}"
        raise BadLaunchers(message)
    try:
        return Launcher.model_validate(section)
    except ValidationError as error:
        [first, *_] = error.errors(include_url=False)
        place = ".".join(str(part) for part in first["loc"][:1])
        message = f"{where}: {f'{place}: ' if place else ''}{first['msg'].removeprefix('Value error, ')}."
        raise BadLaunchers(message) from None
