"""Tables are written in other formats."""

import codecs
import json
from io import BytesIO

import duckdb
import openpyxl
import pytest

from webapp.jobs import JobError, Upload
from webapp.jobs.testing import FakeJobContext
from webapp.jobtypes.table_convert import TableConversion, preview_conversion, table_convert
from webapp.jobtypes.tables.engine import conversion

TABLE = "id;Preis;Tag;Ort\n1;1.250,50;31.12.2025;Köln\n2;0,04;1.1.2026;=1+1\n3;;2.1.2026;Ulm\n2;0,04;1.1.2026;=1+1\n"


@pytest.fixture
def converted(tmp_path, native_functions_run_here):
    """Convert a text; give the job and the output."""

    def run(text=TABLE, **options):
        job = FakeJobContext(inputs={"file": ("orders.csv", text.encode())})
        upload = Upload(name="orders.csv", size=job.inputs["file"].size, sha256="")
        job.run(table_convert, TableConversion(file=upload, **options))
        [content] = job.attachments.values()
        return job, content

    return run


def test_a_csv_file_has_points_and_iso_dates(converted):
    job, content = converted(format="csv")
    assert content.decode().splitlines() == [
        "id,Preis,Tag,Ort",
        "1,1250.5,2025-12-31,Köln",
        "2,0.04,2026-01-01,'=1+1",
        "3,,2026-01-02,Ulm",
        "2,0.04,2026-01-01,'=1+1",
    ]
    assert list(job.attachments) == ["orders.csv"]
    assert job.messages[-1] == "4 rows, 4 columns"


def test_many_columns_are_written_as_few_are(converted):
    many = 15
    rows = [";".join([line] * many) for line in TABLE.splitlines()[1:]]
    header = ";".join(f"{name}{number}" for number in range(many) for name in ("id", "Preis", "Tag", "Ort"))
    _, wide = converted("\n".join([header, *rows]) + "\n", format="csv")
    _, narrow = converted(format="csv")
    assert wide.decode().splitlines()[1:] == [",".join([line] * many) for line in narrow.decode().splitlines()[1:]]


@pytest.mark.parametrize("form", ["csv", "jsonl", "xlsx", "parquet"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"distinct": True},
        {"columns": "Ort, id", "rows": {"column": "Preis", "comparison": "at least", "value": "0,04"}},
    ],
)
def test_columns_that_are_written_in_parts_give_the_same_rows(converted, tmp_path, monkeypatch, form, options):
    text = TABLE + '4;1;3.1.2026;"two\nlines"\n'
    whole = sorted(rows_in(form, converted(text, format=form, **options)[1], tmp_path), key=str)
    monkeypatch.setattr(conversion, "MOST_COLUMNS", 1)
    parts = sorted(rows_in(form, converted(text, format=form, **options)[1], tmp_path), key=str)
    assert parts == whole
    assert len(whole) > 2


def rows_in(form, content, tmp_path):
    path = tmp_path / f"table.{form}"
    path.write_bytes(content)
    if form == "xlsx":
        return [*openpyxl.load_workbook(path).active.iter_rows(values_only=True)]
    if form == "jsonl":
        return [json.loads(line) for line in content.splitlines()]
    found = duckdb.execute(f"SELECT * FROM '{path}'")
    return [found.description, *found.fetchall()]


@pytest.mark.exhaustive
@pytest.mark.parametrize("form", ["csv", "jsonl", "xlsx"])
def test_a_table_as_wide_as_a_worksheet_is_written(converted, form):
    row = ";".join(map(str, range(16_384)))
    job, content = converted(f"{row}\n{row}\n{row}\n", format=form)
    assert job.messages[-1] == "2 rows, 16,384 columns"
    assert len(content) > 20_000


def test_a_parquet_file_of_too_many_columns_is_refused_before_the_job_starts(converted, monkeypatch):
    monkeypatch.setattr(conversion, "MOST_PARQUET_COLUMNS", 3)
    sentence = r"at most 3 columns, not 4\. Choose some, or another format"
    payload = TableConversion(file=Upload(name="orders.csv", size=1, sha256=""), format="parquet")
    with pytest.raises(JobError, match=sentence):
        preview_conversion(payload, {"file": BytesIO(TABLE.encode())})
    with pytest.raises(JobError, match=sentence):
        converted(format="parquet")
    assert converted(format="parquet", columns="id, Ort, Tag")[0].messages[-1] == "4 rows, 3 columns"


def test_columns_are_chosen_renamed_and_ordered(converted):
    assert converted(format="csv", columns="Ort = city, ID")[1].decode().splitlines()[:2] == ["city,id", "Köln,1"]


def test_rows_are_filtered_and_duplicates_removed(converted):
    _, content = converted(
        format="csv", columns="id", distinct=True, rows={"column": "Preis", "comparison": "is present"}
    )
    assert sorted(content.decode().splitlines()) == ["1", "2", "id"]


@pytest.mark.parametrize(
    ("column", "comparison", "value", "ids"),
    [
        ("Preis", "at least", "1.000", [1]),
        ("Preis", "at most", "0,04", [2, 2]),
        ("Preis", "is missing", "", [3]),
        ("Tag", "at least", "1.1.2026", [2, 3, 2]),
        ("Ort", "contains", "UL", [3]),
        ("Ort", "is", "Köln", [1]),
        ("Ort", "is not", "Köln", [2, 3, 2]),
        ("id", "is", "2", [2, 2]),
    ],
)
def test_values_are_compared_as_what_they_are(converted, column, comparison, value, ids):
    rows = {"column": column, "comparison": comparison, "value": value}
    _, content = converted(format="jsonl", rows=rows)
    assert [json.loads(line)["id"] for line in content.decode().splitlines()] == ids


def test_a_workbook_has_numbers_and_dates_and_no_formulas(converted):
    sheet = openpyxl.load_workbook(BytesIO(converted(format="xlsx")[1])).active
    rows = [[cell.value for cell in row] for row in sheet.iter_rows()]
    assert rows[1][:2] == [1, 1250.5]
    assert f"{rows[1][2]:%Y-%m-%d}" == "2025-12-31"
    assert rows[2][3] == "'=1+1"


def test_parquet_has_types(converted, tmp_path):
    path = tmp_path / "orders.parquet"
    path.write_bytes(converted(format="parquet")[1])
    types = duckdb.execute(f"DESCRIBE SELECT * FROM '{path}'").fetchall()
    assert [kind for _, kind, *_ in types] == ["BIGINT", "DOUBLE", "DATE", "VARCHAR"]


def test_values_can_stay_as_they_are_written_with_a_mark_for_excel(converted):
    _, content = converted(format="csv", as_written=True, mark=True)
    assert content.startswith(codecs.BOM_UTF8)
    assert content.decode("utf-8-sig").splitlines()[1] == '1,"1.250,50",31.12.2025,Köln'


def test_a_column_with_other_values_stays_text_with_a_warning(converted):
    job, content = converted("n\n" + "".join(f"{n}\n" for n in range(99)) + "oops\n", format="csv")
    assert job.warnings == ["The column n stays text, because some of its values are of another type."]
    assert content.decode().splitlines()[-1] == "oops"


@pytest.mark.parametrize("options", [{"columns": "price"}, {"rows": {"column": "price", "value": "1"}}])
def test_an_unknown_column_is_refused_with_the_names_that_exist(converted, options):
    with pytest.raises(JobError, match=r"no column price\. Its columns are: id, Preis, Tag, Ort\."):
        converted(**options)


def test_a_whole_job_writes_a_file(services, run_jobs):
    file = services.files.receive(BytesIO(TABLE.encode()), "orders.csv")
    job = services.jobs.create_job("table_convert", {"format": "parquet"}, files={"file": file})
    run_jobs()
    assert services.jobs.get(job.id).message == "4 rows, 4 columns"
    assert [left.name for left in services.jobs.attachments(job.id) if left.role == "output"] == ["orders.parquet"]
