from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from webapp.jobs.store.file_store import StorageUnavailable
from webapp.operations import file_move
from webapp.operations.file_move import MoveReport

Run = Callable[..., Result]


def test_files_are_copied_to_a_folder_and_the_next_step_is_said(run: Run, tmp_path: Path) -> None:
    done = run("files", "move", "--to", str(tmp_path / "elsewhere"))
    assert done.exit_code == 0, done.output
    assert f"Copied 0 files (0.0 MB) to {tmp_path / 'elsewhere'}." in done.stdout
    assert f"Now set DESKJOB_STORAGE_URL={tmp_path / 'elsewhere'}" in done.stdout


def test_a_move_without_a_second_place_is_bad_usage(run: Run) -> None:
    done = run("files", "move")
    assert done.exit_code == 2
    assert "Set DESKJOB_STORAGE_URL_OLD to the place from which to move." in done.output


@pytest.mark.parametrize(
    ("report", "said", "status"),
    [
        (MoveReport(moved=2, moved_bytes=3_000_000, problems=[]), "Unset DESKJOB_STORAGE_URL_OLD", 0),
        (MoveReport(without_row=3, problems=[]), "3 files without a job are in the old place.", 0),
        (MoveReport(problems=["a.txt of job 7 is in neither place."]), "a.txt of job 7 is in neither place.", 1),
    ],
)
def test_the_end_of_a_move_says_what_is_left_to_do(
    run: Run, monkeypatch: pytest.MonkeyPatch, report: MoveReport, said: str, status: int
) -> None:
    monkeypatch.setattr(file_move, "move_files", lambda *_, **__: report)
    done = run("files", "move")
    assert (done.exit_code, said in done.output) == (status, True), done.output


def test_a_storage_that_goes_away_fails_the_command_with_what_to_do(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object, **__: object) -> None:
        raise StorageUnavailable("The file storage does not answer.")

    monkeypatch.setattr(file_move, "move_files", away)
    done = run("files", "move")
    assert done.exit_code == 1
    assert "Start the move again to continue." in done.output
