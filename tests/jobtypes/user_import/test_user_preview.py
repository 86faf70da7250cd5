from io import BytesIO

import pytest

from webapp.jobs import JobError, Upload
from webapp.jobtypes.user_import.payload import UserImport
from webapp.jobtypes.user_import.user_preview import preview_users

TABLE = "Kürzel;Voller Name;Abteilung;Kennwort\nida;Ida Berg;Lager;long secret words\n".encode()


def preview(**options: str):
    file = Upload(name="people.csv", size=len(TABLE), sha256="")
    return preview_users(UserImport(file=file, **options), {"file": BytesIO(TABLE)})


def test_the_columns_are_shown_as_they_are_used_without_passwords() -> None:
    shown = preview(columns="name = Kürzel")
    assert (shown.columns, shown.kinds) == (["name", "full_name"], ["Kürzel", "Voller Name"])
    assert shown.rows == [["ida", "Ida Berg"]]
    assert shown.notes == ["The column Abteilung is ignored."]
    assert "secret" not in repr(shown)


def test_a_file_without_a_name_is_refused_as_by_the_job() -> None:
    with pytest.raises(JobError, match="including name"):
        preview()
