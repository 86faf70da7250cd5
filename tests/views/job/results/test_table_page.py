from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from webapp.jobs.model.job import Job, Status
from webapp.jobs.store.attachments import Attachment

Put = Callable[..., Job]
Attach = Callable[..., Attachment]


@pytest.fixture
def file(put: Put, attach: Attach) -> Attachment:
    rows = "".join(f"{number},{number % 7}\n" for number in range(20))
    return attach(put(Status.COMPLETED), "numbers.csv", f"n,m\n{rows}".encode())


def address(file: Attachment, query: str = "") -> str:
    return f"/jobs/{file.job_id}/files/{file.id}/table{query}"


def test_the_page_shows_all_rows_with_links_that_sort_them(client: FlaskClient, file: Attachment) -> None:
    page = client.get(address(file, "?sort=0")).text
    assert page.count("<tr>") == 21
    assert 'aria-sort="ascending"' in page
    assert f'href="{address(file)}?sort=0&amp;down=1"' in page
    assert "hx-get" not in page[page.index("result__table") :]
    assert page.index('<td class="result__number">19</td>') > page.index('<td class="result__number">18</td>')


def test_the_page_of_the_job_sorts_its_rows_in_place(client: FlaskClient, file: Attachment) -> None:
    fragment = client.get(address(file, "?sort=0&down=1"), headers={"HX-Request": "true"}).text
    assert fragment.count("<tr>") == 11
    assert '<td class="result__number">19</td>' in fragment
    assert "10 of 20 rows" in fragment
    assert "<html" not in fragment


def test_a_file_that_is_not_a_table_has_no_table_page(client: FlaskClient, put: Put, attach: Attach) -> None:
    job = put(Status.COMPLETED)
    assert client.get(address(attach(job, "a.txt"))).status_code == 404
    assert client.get(address(attach(job, "a.csv", b"a\n1\n", role="input"))).status_code == 404
