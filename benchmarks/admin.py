"""Response time of the admin pages with many jobs, compared with 10,000 jobs."""

from functools import partial
from statistics import median
from time import perf_counter

from flask.testing import FlaskClient

from benchmarks import servers
from benchmarks.history import fill
from benchmarks.installation import installed
from benchmarks.rounds import Spread, Verdict, ratio
from webapp.accounts.user import Role
from webapp.app import create_app
from webapp.services import Services

GOAL = 1.5
FEW = 10_000
PAGES = ("/admin", "/admin/jobs")
_PASSWORD = "a password for measuring"


def run(*, short: bool) -> Verdict:
    """Measure each page on both databases."""
    many, rounds, requests = (100_000, 3, 7) if short else (1_000_000, 7, 15)
    found: dict[str, Spread] = {}
    with servers.valkey() as redis:
        for kind in ("sqlite", "postgresql"):
            with installed(kind, redis) as large, installed(kind, redis) as small:
                browsers = _filled(large, many), _filled(small, FEW)
                for page in PAGES:
                    found[f"`{page}` on {kind}"] = ratio(
                        f"{page}, {kind}, {many:,} compared with {FEW:,} jobs",
                        partial(_milliseconds, browsers[0], page, requests),
                        partial(_milliseconds, browsers[1], page, requests),
                        rounds=rounds,
                        unit="ms",
                    )
    return Verdict(
        values=f"admin pages with {many:,} jobs, compared with {FEW:,}: "
        + ", ".join(f"{times:.2f} times ({name})" for name, times in found.items()),
        goal=f"at most {GOAL} times",
        ok=max(times.median for times in found.values()) <= GOAL,
    )


def _filled(services: Services, count: int) -> FlaskClient:
    """Create ``count`` jobs; return a client that is signed in as an admin."""
    fill(services, count)
    services.accounts.add("measure", _PASSWORD, role=Role.ADMIN)
    app = create_app(services.settings)
    app.config["WTF_CSRF_ENABLED"] = False
    client = app.test_client()
    answer = client.post("/login", data={"name": "measure", "password": _PASSWORD})
    if answer.status_code != 303:
        message = f"signing in failed with {answer.status}"
        raise RuntimeError(message)
    return client


def _milliseconds(client: FlaskClient, page: str, requests: int) -> float:
    times = []
    for _ in range(requests):
        began = perf_counter()
        answer = client.get(page)
        times.append(perf_counter() - began)
        if answer.status_code != 200 or b"</html>" not in answer.data:
            message = f"{page} answered with {answer.status}"
            raise RuntimeError(message)
    return median(times) * 1000
