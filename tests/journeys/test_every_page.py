"""Every page there is, found in the application's own map: readable by everybody, in both languages.

A new page is walked by itself. One that takes something in its address gets it from `slots`, or from `whole`
where a name alone does not tell what fits.
"""

import re
import socket
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage
from sqlalchemy import select, update

from tests.browser import violations
from tests.installation import Installation, installed, wait_for
from tests.journeys.conftest import free_port
from webapp.app import create_app
from webapp.config import load
from webapp.db.engine import reading, writing
from webapp.demo.seed import seed
from webapp.jobs.execution.leases import Holder
from webapp.jobs.execution.worker_heartbeat import WorkerHeartbeat
from webapp.jobs.model.job import Status
from webapp.schema import jobs, workers

pytestmark = pytest.mark.browser
Slots = Mapping[str, Sequence[str]]
PASSWORD = "seven plain copper kettles"
PHONE, DESK = {"width": 390, "height": 800}, {"width": 1200, "height": 800}
SLOT = re.compile(r"<(?:\w+:)?(\w+)>")
# Parts of pages, answers to machines, and downloads
NO_PAGE = re.compile(r"/_|/api/|/files/|/static/|/parameters/|^/healthz|^/readyz|^/metrics|\.(zip|csv|json|txt)$")
SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
MOVING = "document.getAnimations().filter((one) => one.playState === 'running').length"
OPEN = "document.querySelectorAll('main details').forEach((one) => one.setAttribute('open', ''))"
NOTHING_FOUND = ("/admin/users?q=nobody", "/admin/audit?q=nobody", "/admin/jobs?owner=nobody", "/jobs?q=nobody")
JOBS_SHOWN = (Status.RUNNING, Status.COMPLETED, Status.FAILED)  # what a job's page has depends on its status
KINDS = ("dataset_report", "job_history_export", "user_import")  # the last one is disabled
ASKED = {"stop": Status.RUNNING, "retry": Status.FAILED, "delete": Status.COMPLETED, "keep": Status.STALE}


def rules() -> list[str]:
    settings = load(data_dir=Path(tempfile.gettempdir()), secret_key="k" * 32)
    found = [str(rule) for rule in create_app(settings).url_map.iter_rules() if "GET" in (rule.methods or ())]
    return sorted(rule for rule in found if not NO_PAGE.search(rule))


@pytest.fixture(scope="module")
def installation(sqlite_template: Path, valkey_url: str) -> Iterator[Installation]:
    with installed(sqlite_template, valkey_url) as installation:
        seed(installation.services, password=PASSWORD, count=40)
        yield installation


@pytest.fixture(scope="module")
def site(installation: Installation) -> str:
    port = free_port()
    installation.start("web", "--port", str(port), "--processes", "1")
    wait_for(lambda: answers(port))
    return f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def ids(installation: Installation) -> Mapping[str, str]:
    """Ids of jobs by status, and of a "root" and a "report"."""
    with reading(installation.services.engine) as connection:
        found = connection.execute(select(jobs.c.id, jobs.c.type, jobs.c.status, jobs.c.root_id)).all()
    by_status = {row.status: str(row.id) for row in found}
    report = next(row.id for row in found if row.type == "dataset_report")
    return by_status | {"root": str(next(row.root_id for row in found if row.root_id)), "report": str(report)}


@pytest.fixture(scope="module")
def slots(installation: Installation, ids: Mapping[str, str]) -> Slots:
    """What stands in the addresses of pages, by the name of the place."""
    services = installation.services
    return {
        "job_id": [ids[status] for status in JOBS_SHOWN],
        "type_name": KINDS,
        "schedule_id": [str(one.id) for one in services.schedules.all()[-2:]],
        "user_id": [str(person.id) for person in services.accounts.all() if person.name in {"ana", "eva"}],
        "fingerprint": [services.metrics.errors.page(limit=1)[0].fingerprint],
    }


@pytest.fixture(scope="module")
def whole(installation: Installation, ids: Mapping[str, str]) -> Mapping[str, Sequence[str]]:
    """Addresses as they are, by the beginnings of their rules."""
    worker = somebody_works(installation)
    return {
        "/admin/queues/": ["/admin/queues/night{}", "/admin/queues/default{}"],
        "/admin/types/": ["/admin/types/dataset_report{}", "/admin/types/user_import{}"],
        "/admin/workers/": [f"/admin/workers/{worker}{{}}"],
        "/jobs/<uuid:job_id>/<any": [f"/jobs/{ids[status]}/{verb}" for verb, status in ASKED.items()],
        "/jobs/<uuid:job_id>/run-again": [f"/jobs/{ids['report']}/run-again"],
        "/jobs/<uuid:job_id>/children": [f"/jobs/{ids['root']}/children"],
        "/jobs/act/": [f"/jobs/act/delete?id={ids['completed']}&id={ids['running']}"],
    }


def somebody_works(installation: Installation) -> str:
    """A worker's own row, whose beat does not grow old while pages are looked at."""
    services = installation.services
    holder = Holder(worker="one", host="machine", boot_id="b", pid=4711)
    WorkerHeartbeat(services.engine, holder, ("default",), "1").poll()
    with writing(services.engine) as connection:
        connection.execute(update(workers).values(beat_at=services.queries.jobs.now() + timedelta(hours=1)))
    return holder.worker


class Reader:
    """Somebody with a browser of their own, and all that the browser complains of."""

    def __init__(self, browser: Browser, site: str, **habits: Any) -> None:
        self.complaints: list[str] = []
        self.context = browser.new_context(base_url=site, viewport=DESK, **habits)
        self.page = self.context.new_page()
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._hear)

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.complaints.append(message.text)

    def go(self, address: str) -> int:
        self.complaints.clear()
        self.page.set_viewport_size(DESK)
        answer = self.page.goto(address)
        return answer.status if answer else 0

    def asks(self, question: str) -> Any:
        return self.page.evaluate(question)


@pytest.fixture(scope="module")
def stranger(browser: Browser, site: str) -> Reader:
    return Reader(browser, site, locale="en-GB")


@pytest.fixture(scope="module")
def admin(browser: Browser, site: str) -> Reader:
    reader = Reader(browser, site, locale="en-GB")
    reader.go("/login")
    reader.page.fill("#name", "admin")
    reader.page.fill("#password", PASSWORD)
    reader.page.keyboard.press("Enter")
    reader.page.wait_for_url("**/jobs")
    return reader


@pytest.fixture(scope="module")
def german(browser: Browser, site: str, admin: Reader) -> Reader:
    """The same person with a German browser that runs no scripts, moves nothing and has few colours."""
    state = admin.context.storage_state()
    quiet = {"java_script_enabled": False, "reduced_motion": "reduce", "forced_colors": "active"}
    return Reader(browser, site, locale="de-DE", storage_state=state, **quiet)


@pytest.fixture
def addresses(rule: str, slots: Slots, whole: Mapping[str, Sequence[str]]) -> list[str]:
    """Fill the places of an address; each of their values comes up once."""
    for beginning, filled in whole.items():
        if rule.startswith(beginning):
            return [address.format(SLOT.split(rule)[-1]) for address in filled]
    names = SLOT.findall(rule)
    unknown = [name for name in names if name not in slots]
    assert not unknown, f"{rule} takes {unknown}: say in `slots` where the demonstration has one"
    values = zip(*(slots[name] for name in names), strict=False) if names else [()]
    return [SLOT.sub("{}", rule).format(*some) for some in values]


@pytest.mark.parametrize("rule", rules())
def test_a_page_can_be_read_by_everybody(rule: str, addresses: list[str], admin: Reader, stranger: Reader) -> None:
    reader = stranger if rule == "/login" else admin
    answers = [in_every_light(reader, address) for address in addresses]
    assert 200 in answers, f"none of {addresses} is there: {answers}"


@pytest.mark.parametrize("address", NOTHING_FOUND)
def test_a_page_on_which_nothing_is_found_can_be_read_by_everybody(address: str, admin: Reader) -> None:
    assert in_every_light(admin, address) == 200


def in_every_light(reader: Reader, address: str) -> int:
    status = reader.go(address)
    assert reader.asks("document.documentElement.lang") == "en"
    for scheme in ("light", "dark"):
        reader.page.emulate_media(color_scheme=scheme)
        assert violations(reader.page) == [], f"{address} in {scheme} colours"
        reader.asks(OPEN)  # in dark colours, all that was closed is looked at too
    reader.page.set_viewport_size(PHONE)
    assert reader.asks(SIDEWAYS) <= 0, f"{address} scrolls sideways on a phone"
    assert reader.complaints == [], address
    return status


@pytest.mark.parametrize("rule", [rule for rule in rules() if rule != "/login"])
@pytest.mark.usefixtures("rule")
def test_a_page_is_german_and_needs_no_script(addresses: list[str], german: Reader) -> None:
    for address in addresses:
        german.go(address)
        german.page.set_viewport_size(PHONE)
        assert german.asks("document.documentElement.lang") == "de", address
        assert german.page.locator("h1").first.is_visible(), address
        assert german.asks(SIDEWAYS) <= 0, f"{address} scrolls sideways on a phone"
        assert german.asks(MOVING) == 0, f"{address} moves"
        assert german.complaints == [], address


def test_the_keyboard_reaches_the_content_first(admin: Reader) -> None:
    admin.go("/jobs")
    admin.page.keyboard.press("Tab")
    admin.page.keyboard.press("Enter")
    assert admin.asks("document.activeElement.id") == "content"


def answers(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False
