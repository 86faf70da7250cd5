"""Every page of the application's URL map is accessible, in both languages and colour schemes.

A new page is tested without any change here. One with parameters in its address takes them from `slots`, or from
`whole` where the name of the parameter does not say which values fit.
"""

import re
import socket
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, ViewportSize
from sqlalchemy import select, update

from tests.browser import CALM, TARGET_SIZE, violations
from tests.exhaustive import every_nth, every_pair
from tests.installation import Installation, installed, wait_for
from tests.journeys.conftest import free_port
from tests.journeys.untranslated_text import TEXTS, english_texts, texts_by_users
from webapp.accounts.tokens import Scope
from webapp.app import create_app
from webapp.config import load
from webapp.db.engine import reading, writing
from webapp.demo.seed import seed
from webapp.inbound.webhook import WebhookDraft
from webapp.jobs.execution.leases import Holder
from webapp.jobs.execution.worker_heartbeat import WorkerHeartbeat
from webapp.jobs.model.job import Status
from webapp.notifications.rule import Channel, RuleDraft, Topic
from webapp.schema import flows, job_questions, jobs, workers
from webapp.services import Services

pytestmark = pytest.mark.browser
Slots = Mapping[str, Sequence[str]]
LOCALES = {"en": "en-GB", "de": "de-DE"}
LOOKS = ("en light", "de dark")  # how a page is read: its language and its colours
PASSWORD = "seven plain copper kettles"
NARROW, PHONE = ViewportSize(width=320, height=800), ViewportSize(width=390, height=800)
DESK = ViewportSize(width=1200, height=800)
# The name of the language, answers of other systems and messages of handlers in the demonstration, a host and tags
IN_ENGLISH = frozenset(
    {
        *("The shop in Lagos did not respond.", "The server of the auditors did not answer.", "machine"),
        *("23 of 11,640 rows have no customer. What should happen to them?", "11,640 rows were read."),
        *("the shop's database refused the connection", "Fetch the bookings", "Check the balance", "Read the orders"),
        "OSError: [Errno 28] No space left on device",
        *("Name or service not known", "204 No Content", "English", "reports", "orders", "urgent", "year end"),
    }
)
SLOT = re.compile(r"<(?:\w+:)?(\w+)>")
# Parts of pages, answers to machines, and downloads
NO_PAGE = re.compile(
    r"/_|/api/|/files/|/static/|/parameters/|^/login/|^/healthz|^/readyz|^/metrics|\.(zip|csv|json|txt)$"
)
SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
OUTSIDE = """[...document.querySelectorAll('td :is(.chip, .tag)')].filter((label) =>
    label.getBoundingClientRect().right > label.closest('td').getBoundingClientRect().right + 1
    ).map((label) => label.textContent.trim())"""
MOVING = "document.getAnimations().filter((animation) => animation.playState === 'running').length"
OPEN = "document.querySelectorAll('main details').forEach((details) => details.setAttribute('open', ''))"
RECEIVED = """Object.fromEntries(performance.getEntries().filter((entry) => entry.transferSize).map((entry) =>
    [entry.entryType === 'navigation' ? 'document' : entry.name, entry.transferSize]))"""
NOTHING_FOUND = ("/admin/users?q=zzz", "/admin/audit?q=zzz", "/admin/jobs?owner=zzz", "/jobs?q=zzz")
JOBS_SHOWN = (Status.RUNNING, Status.COMPLETED, Status.FAILED)  # what a job's page has depends on its status
JOB_TYPES = ("dataset_report", "job_history_export", "user_import")  # the last one is disabled
CONFIRMATIONS = {"stop": Status.RUNNING, "retry": Status.FAILED, "delete": Status.COMPLETED, "keep": Status.STALE}


@cache
def rules() -> list[str]:
    settings = load(data_dir=Path(tempfile.gettempdir()), secret_key="k" * 32)
    found = [str(rule) for rule in create_app(settings).url_map.iter_rules() if "GET" in (rule.methods or ())]
    return sorted(rule for rule in found if not NO_PAGE.search(rule))


@pytest.fixture(scope="module")
def installation(sqlite_template: Path, valkey_url: str) -> Iterator[Installation]:
    with installed(sqlite_template, valkey_url) as installation:
        installation.services.settings.demo_mark.touch()  # for its job types, which ask and need approval
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
    """Values for the parameters of addresses, by parameter name."""
    services = installation.services
    return {
        "job_id": [ids[status] for status in JOBS_SHOWN],
        "type_name": JOB_TYPES,
        "schedule_id": [str(schedule.id) for schedule in services.schedules.all()[-2:]],
        "user_id": [str(person.id) for person in services.accounts.all() if person.name in {"ana", "eva"}],
        "fingerprint": [services.metrics.errors.page(limit=1)[0].fingerprint],
        "subject": ["role:operator"],
        "token_id": [add_token(services)],
        "question_id": [open_question(services)],
        "webhook_id": [add_webhook(services)],
        "flow_id": [flow_of(services)],
        "group_id": [str(services.user_groups.add("Bookkeepers").id)],
    }


@pytest.fixture(scope="module")
def by_users(installation: Installation) -> frozenset[str]:
    """What users have written, names of queues, and the job types of tests, which have no translations."""
    services = installation.services
    own = [job_type for job_type in services.registry if not job_type.declared_in.startswith("webapp.")]
    titles = {text for job_type in own for text in (job_type.title, job_type.description, job_type.group) if text}
    queues = {job_type.queue for job_type in services.registry}
    return texts_by_users(services.engine) | titles | queues | IN_ENGLISH


@pytest.fixture(scope="module")
def whole(installation: Installation, ids: Mapping[str, str]) -> Mapping[str, Sequence[str]]:
    """Whole addresses, by the start of their rules."""
    worker = add_worker(installation)
    rules = {place: add_rule(installation.services, place) for place in ("me", "admin")}
    return {
        **{f"/{place}/notifications/<uuid": [f"/{place}/notifications/{rule}{{}}"] for place, rule in rules.items()},
        "/me/schedules/<uuid": [f"/me/schedules/{own_schedule(installation.services)}{{}}"],
        "/admin/queues/": ["/admin/queues/night{}", "/admin/queues/default{}"],
        "/admin/types/": ["/admin/types/dataset_report{}", "/admin/types/user_import{}"],
        "/admin/workers/": [f"/admin/workers/{worker}{{}}"],
        "/jobs/<uuid:job_id>/<any": [f"/jobs/{ids[status]}/{verb}" for verb, status in CONFIRMATIONS.items()],
        "/jobs/<uuid:job_id>/edit": [f"/jobs/{ids[status]}/edit" for status in ("queued", "scheduled")],
        "/jobs/<uuid:job_id>/run-again": [f"/jobs/{ids['report']}/run-again"],
        "/jobs/<uuid:job_id>/children": [f"/jobs/{ids['root']}/children"],
        "/flows/<uuid:flow_id>/<any": [f"/flows/{flow_of(installation.services)}/{verb}" for verb in ("stop", "retry")],
        "/jobs/act/": [f"/jobs/act/delete?id={ids['completed']}&id={ids['running']}"],
    }


def own_schedule(services: Services) -> str:
    """Return the id of the schedule that the admin of the demonstration has."""
    return next(str(each.id) for each in services.schedules.all() if each.owner.user_id == each.created_by)


def flow_of(services: Services) -> str:
    """Return the id of the flow of the demonstration."""
    with reading(services.engine) as connection:
        return str(connection.execute(select(flows.c.id)).scalar_one())


def open_question(services: Services) -> str:
    with reading(services.engine) as connection:
        asked = select(job_questions.c.id).where(job_questions.c.state == "open")
        return str(connection.execute(asked.limit(1)).scalar_one())


def add_token(services: Services) -> str:
    """Create a token of the admin; return its id."""
    (admin,) = (person for person in services.accounts.all() if person.name == "admin")
    token, _text = services.tokens.add(admin, "Nightly export", {Scope.READ})
    return str(token.id)


def add_webhook(services: Services) -> str:
    """Create an inbound webhook; return its id."""
    draft = WebhookDraft(name="From the shop", type=services.webhooks.types()[0].name, account="admin")
    webhook, _secret = services.webhooks.add(draft)
    return str(webhook.id)


def add_rule(services: Services, place: str) -> str:
    """Create a notification rule of the admin or of the installation; return its id."""
    (admin,) = (person for person in services.accounts.all() if person.name == "admin")
    draft = RuleDraft(
        name="Failures", topics=(Topic.FAILED,), channel=Channel.WEBHOOK, address="https://hooks.example.org/jobs"
    )
    rule, _key = services.notification_rules.add(draft, user_id=admin.id if place == "me" else None, by=admin.id)
    return str(rule.id)


def add_worker(installation: Installation) -> str:
    """Add a worker's row whose heartbeat stays fresh during the tests; return its name."""
    services = installation.services
    holder = Holder(worker="one", host="machine", boot_id="b", pid=4711)
    WorkerHeartbeat(services.engine, holder, ("default",), "1").poll()
    with writing(services.engine) as connection:
        connection.execute(update(workers).values(beat_at=services.queries.jobs.now() + timedelta(hours=1)))
    return holder.worker


class Reader:
    """A browser context, and the complaints of its console."""

    def __init__(self, browser: Browser, site: str, **options: Any) -> None:
        self.complaints: list[str] = []
        self.context = browser.new_context(base_url=site, viewport=DESK, **CALM, **options)
        self.page = self.context.new_page()
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._record)

    def _record(self, message: ConsoleMessage) -> None:
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.complaints.append(message.text)

    def go(self, address: str, viewport: ViewportSize = DESK) -> int:
        self.complaints.clear()
        self.resize(viewport)
        answer = self.page.goto(address)
        return answer.status if answer else 0

    def resize(self, viewport: ViewportSize) -> None:
        """Redraw the page only if that changes its size."""
        if self.page.viewport_size != viewport:
            self.page.set_viewport_size(viewport)

    def evaluate(self, expression: str) -> Any:
        return self.page.evaluate(expression)

    def state(self) -> Any:
        return self.context.storage_state()


@pytest.fixture(scope="module")
def admin(browser: Browser, site: str) -> Reader:
    reader = Reader(browser, site, locale=LOCALES["en"])
    reader.go("/login")
    reader.page.fill("#name", "admin")
    reader.page.fill("#password", PASSWORD)
    reader.page.keyboard.press("Enter")
    reader.page.wait_for_url("**/admin")
    return reader


@pytest.fixture(scope="module")
def readers(browser: Browser, site: str, admin: Reader) -> Mapping[str, Reader]:
    """The administrator's browser, and a German one of the same account."""
    return {"en": admin, "de": Reader(browser, site, locale=LOCALES["de"], storage_state=admin.state())}


@pytest.fixture(scope="module")
def signed_out(browser: Browser, site: str) -> Mapping[str, Reader]:
    return {language: Reader(browser, site, locale=locale) for language, locale in LOCALES.items()}


@pytest.fixture(scope="module")
def plain_browser(browser: Browser, site: str, admin: Reader) -> Reader:
    """A German browser without scripts and with forced colours."""
    limits = {"java_script_enabled": False, "forced_colors": "active"}
    return Reader(browser, site, locale=LOCALES["de"], storage_state=admin.state(), **limits)


@pytest.fixture
def addresses(rule: str, slots: Slots, whole: Mapping[str, Sequence[str]]) -> list[str]:
    """Fill in the parameters of an address; each of their values is used once."""
    for beginning, filled in whole.items():
        if rule.startswith(beginning):
            return [address.format(SLOT.split(rule)[-1]) for address in filled]
    names = SLOT.findall(rule)
    unknown = [name for name in names if name not in slots]
    assert not unknown, f"{rule} takes {unknown}: say in `slots` where the demonstration has one"
    values = zip(*(slots[name] for name in names), strict=False) if names else [()]
    return [SLOT.sub("{}", rule).format(*combination) for combination in values]


@pytest.mark.parametrize(("rule", "look"), every_pair(rules(), LOOKS, every=16))
def test_a_page_is_accessible(
    rule: str,
    look: str,
    addresses: list[str],
    readers: Mapping[str, Reader],
    signed_out: Mapping[str, Reader],
    by_users: frozenset[str],
    pytestconfig: pytest.Config,
) -> None:
    """By default the first address that exists is enough; with `--all`, each is visited, and checked on a phone too."""
    language, scheme = look.split()
    reader = (signed_out if rule == "/login" else readers)[language]
    statuses, everything = [], pytestconfig.getoption("--all")
    for address in addresses:
        statuses.append(visit(reader, address, language, scheme, by_users))
        checks = {} if everything else {"runOnly": [TARGET_SIZE]}
        assert violations(reader.page, **checks) == [], f"{address} on a phone"
        if statuses[-1] == 200 and not everything:
            break
    assert 200 in statuses, f"none of {addresses} exists: {statuses}"


@pytest.mark.parametrize(("address", "look"), every_pair(NOTHING_FOUND, LOOKS, every=4))
def test_a_page_without_results_is_accessible(
    address: str, look: str, readers: Mapping[str, Reader], by_users: frozenset[str]
) -> None:
    language, scheme = look.split()
    assert visit(readers[language], address, language, scheme, by_users) == 200


def visit(reader: Reader, address: str, language: str, scheme: str, by_users: frozenset[str]) -> int:
    """Check a page in one language and colour scheme; in dark colours, with everything unfolded. It ends on a phone."""
    status = reader.go(address)
    assert reader.evaluate("document.documentElement.lang") == language, address
    assert reader.evaluate("scrollY") == 0, f"{address} does not begin at its top"
    reader.page.emulate_media(color_scheme=scheme)
    if scheme == "dark":
        reader.evaluate(OPEN)
    assert violations(reader.page) == [], f"{address} in {scheme} colours"
    if language == "de":
        assert english_texts(reader.evaluate(TEXTS), by_users) == set(), f"{address} has English texts"
    reader.evaluate(OPEN)
    for size in (DESK, NARROW, PHONE):
        reader.resize(size)
        assert reader.evaluate(OUTSIDE) == [], f"{address} has labels wider than their columns at {size['width']} px"
        assert reader.evaluate(SIDEWAYS) <= 0, f"{address} scrolls sideways at {size['width']} px"
    assert reader.complaints == [], address
    return status


@pytest.mark.parametrize("rule", every_nth([rule for rule in rules() if rule != "/login"], 24))
@pytest.mark.usefixtures("rule")
def test_a_page_needs_no_script(addresses: list[str], plain_browser: Reader) -> None:
    for address in addresses:
        plain_browser.go(address, PHONE)
        assert plain_browser.evaluate("document.documentElement.lang") == "de", address
        assert plain_browser.page.locator("h1").first.is_visible(), address
        assert plain_browser.evaluate(SIDEWAYS) <= 0, f"{address} scrolls sideways on a phone"
        assert plain_browser.evaluate(MOVING) == 0, f"{address} moves"
        assert plain_browser.complaints == [], address


def test_a_first_load_is_below_70_kilobytes(browser: Browser, site: str, admin: Reader) -> None:
    """A new context has an empty cache, and counts what it receives: the page, style sheets, scripts and icons."""
    reader = Reader(browser, site, storage_state=admin.state())
    reader.go("/jobs")
    received = reader.evaluate(RECEIVED)
    reader.context.close()
    assert "document" in received
    assert sum(received.values()) < 70_000, received


def test_the_keyboard_reaches_the_content_first(admin: Reader) -> None:
    admin.go("/jobs")
    admin.page.keyboard.press("Tab")
    admin.page.keyboard.press("Enter")
    assert admin.evaluate("document.activeElement.id") == "content"


def answers(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False
