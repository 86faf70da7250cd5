from pathlib import Path
from uuid import uuid4

import pytest

from webapp.jobs.launching.launchers import BadLaunchers, Launcher, filled, missing_program, read_launchers
from webapp.jobs.model.job import Job, Status
from webapp.jobs.model.policies import Resources

JOB = Job(id=uuid4(), type="crunch", title="", status=Status.RUNNING, queue="gpu", attempt=2)


def read(folder: Path, text: str) -> dict[str, Launcher]:
    (folder / "launchers.toml").write_text(text)
    return dict(read_launchers(folder / "launchers.toml"))


def test_commands_are_written_as_one_text_or_as_words(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        """
        [queues.gpu]
        start = "sbatch --wrap 'deskjob worker --job {job}'"
        stop = ["scancel", "--name={name}"]
        """,
    )
    assert found["gpu"].start == ("sbatch", "--wrap", "deskjob worker --job {job}")
    assert found["gpu"].stop == ("scancel", "--name={name}")


def test_placeholders_have_the_values_of_the_job_its_type_and_the_launcher(tmp_path: Path) -> None:
    launcher = Launcher(start="run {job}", memory=2048, image="deskjob:1")
    values = launcher.values_for(JOB, Resources(cpu=0.5, image="crunch:2"))
    assert filled("{type} {queue} {attempt} {memory}M {cpu} {image}", values) == "crunch gpu 2 2048M 0.5 crunch:2"
    assert values["name"] == f"deskjob-{JOB.id.hex}-2", "another attempt has another name"


def test_other_braces_stay_as_they_are() -> None:
    values = Launcher(start="run {job}").values_for(JOB, Resources())
    assert filled('{"id": "{job}", "x": {y}}', values) == f'{{"id": "{JOB.id}", "x": {{y}}}}'


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[queues.gpu", "no valid TOML"),
        ("", r"must have a table \[queues.NAME\]"),
        ("[queue.gpu]\nstart = 'run {job}'", r"must have a table \[queues.NAME\]"),
        ("[queues.gpu]\nstart = 'run'", r"must contain \{job\}"),
        ("[queues.gpu]\nstop = 'run {job}'", "start: Field required"),
        ('[queues.gpu]\nstart = "run \'{job}"', "start: No closing quotation"),
        ("[queues.gpu]\nstart = 'run {job}'\nbegin_within = 3", "begin_within: Extra inputs are not permitted"),
        (
            "[queues.gpu]\nstart = 'run {job}'\nbegin_within_seconds = 0",
            "begin_within_seconds: .*greater than or equal",
        ),
        ("[queues.'a,b']\nstart = 'run {job}'", "the name of a queue"),
        ("queues = 3", r"must have a table \[queues.NAME\]"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_its_reason(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(BadLaunchers, match=sentence):
        read(tmp_path, text)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadLaunchers, match="nowhere"):
        read_launchers(tmp_path / "nowhere.toml")


def test_without_a_file_there_are_no_launchers() -> None:
    assert read_launchers(None) == {}


def test_a_program_that_is_not_installed_is_named() -> None:
    assert missing_program(Launcher(start="sh -c {job}")) == ""
    assert missing_program(Launcher(start="sh -c {job}", stop="no-such-program {job}")) == "no-such-program"
