"""The tree stays readable: small packages, names that can be searched for, a test for every module."""

import ast
import re
import subprocess
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from sys import stdlib_module_names

ROOT = Path(__file__).parent.parent
WEBAPP = ROOT / "webapp"
TESTS = ROOT / "tests"
MOST_MODULES = 15
LARGEST_FILE = 500_000  # bytes
NOUNS = ("encoding", "polling", "testing")  # what the field calls these things
# Their names are the interface of the package: public names, tables, command groups, job types, a blueprint's setup
EXPORTING_PACKAGES = (
    *("jobs", "schema", "cli", "cli/jobs", "cli/schedules"),
    *("jobtypes", "jobtypes/bulk_action", "jobtypes/dataset_report", "jobtypes/job_history_export"),
    *("jobtypes/table_convert", "jobtypes/user_import", "views/schedules", "views/security"),
)
TESTED_ELSEWHERE = {  # modules without a test of their name, and where their tests are; patterns for whole packages
    "schema/*": "table declarations (without columns.py); the migration tests compare them with a migrated database",
    "demo/*": "test_seed.py seeds the whole demonstration",
    **dict.fromkeys(
        ("jobtypes/dataset_report/payload", "jobtypes/table_convert/payload", "jobtypes/user_import/payload"),
        "declarations; the job type's own test starts jobs with them",
    ),
    **dict.fromkeys(
        (
            *("jobtypes/dataset_report/dataset_profile",),
            *("jobtypes/tables/reading/table_reader", "jobtypes/tables/reading/canonical_table"),
            *("jobtypes/tables/reading/text_lines", "jobtypes/tables/reading/workbook_cells"),
            *("jobtypes/tables/engine/analysis", "jobtypes/tables/engine/figure_bins"),
            *("jobtypes/tables/engine/conversion", "jobtypes/tables/engine/table_copy"),
            *("jobtypes/tables/job_table", "jobtypes/tables/table_payload", "jobtypes/user_import/importer"),
            *("jobtypes/tables/table_preview", "jobs/definition/previews"),
        ),
        "the tests of the job type read its output for files of every kind",
    ),
    **dict.fromkeys(
        (
            *("cli/command_group", "cli/context", "cli/operations/database", "cli/serve", "cli/error_groups"),
            *("cli/jobs/job_list", "cli/jobs/log", "cli/jobs/attributes", "cli/jobs/history"),
            *("cli/schedules/*", "cli/accounts/errors"),
        ),
        "the tests of the commands run them with real arguments",
    ),
    "jobtypes/tables/native_main": "test_native_process.py runs it",
    "cli/remote/*": "test_every_command.py compares each command with itself on the machine",
    **dict.fromkeys(
        ("processes/web_server/client_socket", "processes/web_server/response_sender"),
        "test_page_worker.py sends and receives through them",
    ),
    **dict.fromkeys(
        ("app", "processes/valkey"),
        "the tests of `up` and of the commands start the real processes",
    ),
    **dict.fromkeys(
        ("jobs/lifecycle/create", "jobs/lifecycle/job_writer", "jobs/lifecycle/optimistic_update"),
        "tests/jobs/test_service.py and the state machine in test_lifecycle_model.py",
    ),
    **dict.fromkeys(
        (
            *("views/blueprints", "views/admin/charts", "views/admin/new_user", "views/schedules/presenter"),
            *("views/new_job/submission", "views/new_job/disabled_type"),
        ),
        "the tests of the pages that they make",
    ),
    **dict.fromkeys(
        (
            *("views/job/action_confirmations", "views/job/available_actions", "views/job/log"),
            *("views/job/page", "views/job/history/timeline"),
        ),
        "test_show.py reads the page of a job in every status",
    ),
    **dict.fromkeys(
        (
            *("views/job_list/admin_filter", "views/job_list/bulk_action_text"),
            *("views/job_list/row", "views/job_list/row_cache"),
        ),
        "test_list_page.py, test_index.py and test_bulk_actions.py",
    ),
    **dict.fromkeys(
        (
            *("api/resources/*", "api/operations", "api/blueprint", "api/job_document", "api/lists"),
            *("api/problems", "api/job_input", "views/security/bearer_token", "views/page/problem_details"),
        ),
        "tests/api/test_contract.py sends every request; test_jobs_and_files.py and test_endpoint.py look closer",
    ),
    "views/metrics/request_traces": "tests/telemetry/test_traces.py sends requests",
    **dict.fromkeys(
        ("notifications/channels/delivery_errors", "notifications/channels/webhook_event"),
        "the tests of rules, of the messenger and of webhooks",
    ),
    **dict.fromkeys(
        (
            *("views/notifications/access", "views/notifications/actions", "views/notifications/pages"),
            *("views/notifications/presenter", "views/notifications/rule_fields"),
        ),
        "test_my_notifications.py and test_all_notifications.py",
    ),
    "strict_json": "tests/api/test_json_body.py sends JSON of every kind",
    "inbound/webhook": "tests/inbound/test_webhooks.py creates good and bad ones",
    "views/groups/actions": "test_pages.py, and the contract of the API",
    "views/webhooks/actions": "test_pages.py, and the contract of the API",
    "jobs/queries/event_feed": "tests/api/test_long_poll.py follows it",
    "views/text/engine_messages": "test_catalogues.py and test_stored_messages.py",
    "views/forms/fields": "test_payload_form.py and test_round_trip.py send every kind of field through a form",
}


def packages() -> Iterator[Path]:
    return (init.parent for init in sorted(WEBAPP.rglob("__init__.py")))


def modules(package: Path) -> list[Path]:
    return [path for path in sorted(package.glob("*.py")) if not path.name.startswith("__")]


def every_module() -> list[Path]:
    return [module for package in packages() for module in modules(package)]


def short_name(path: Path) -> str:
    return path.relative_to(WEBAPP).with_suffix("").as_posix()


def test_a_package_has_at_most_fifteen_modules() -> None:
    assert [short_name(package) for package in packages() if len(modules(package)) > MOST_MODULES] == []


def test_a_module_is_named_by_a_noun_and_not_after_the_standard_library() -> None:
    names = {short_name(module): module.stem for module in every_module()}
    gerunds = [path for path, name in names.items() if re.fullmatch(r"[a-z]+ing", name) and name not in NOUNS]
    assert gerunds == []
    assert [path for path, name in names.items() if name in stdlib_module_names] == []


def test_a_package_says_what_it_promises_and_runs_no_code() -> None:
    for package in packages():
        body = ast.parse((package / "__init__.py").read_text()).body
        assert isinstance(body[0], ast.Expr), f"{short_name(package)} has no docstring"
        if package != WEBAPP and short_name(package) not in EXPORTING_PACKAGES:
            assert len(body) == 1, f"{short_name(package)} does more than say what it promises"


def test_every_module_has_a_test_of_its_name() -> None:
    tests = {test.relative_to(TESTS).as_posix() for test in TESTS.rglob("test_*.py")}

    def tested(module: Path) -> bool:
        folder, name = module.relative_to(WEBAPP).parent.as_posix(), module.stem
        start = f"test_{name}" if folder == "." else f"{folder}/test_{name}"
        return any(test == f"{start}.py" or test.startswith(f"{start}_") for test in tests)

    missing = [short_name(module) for module in every_module() if not tested(module)]
    assert [name for name in missing if not any(fnmatch(name, pattern) for pattern in TESTED_ELSEWHERE)] == []
    assert [pattern for pattern in TESTED_ELSEWHERE if not any(fnmatch(name, pattern) for name in missing)] == []


def test_a_public_class_has_a_name_of_its_own() -> None:
    places: dict[str, list[str]] = {}
    for module in every_module():
        for name in re.findall(r"^class ([^_]\w*)", module.read_text(), re.MULTILINE):
            places.setdefault(name, []).append(short_name(module))
    assert {name: modules for name, modules in places.items() if len(modules) > 1} == {}


def test_a_function_is_named_by_what_it_does_or_returns() -> None:
    vague = re.compile(r"^ *def (_*(?:act|found|note|some|sort|those|told)_*)\(", re.MULTILINE)
    found = {short_name(module): vague.findall(module.read_text()) for module in every_module()}
    assert {module: names for module, names in found.items() if names} == {}


def test_no_large_file_and_no_table_at_the_top_was_committed_by_mistake() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    files = [ROOT / name for name in listed.stdout.split("\0") if name] or list(WEBAPP.rglob("*.py"))
    existing = [file for file in files if file.is_file()]
    assert [file for file in existing if file.stat().st_size > LARGEST_FILE] == []
    known = {"", ".cfg", ".in", ".md", ".py", ".toml", ".txt", ".yml"}
    assert [file.name for file in existing if file.parent == ROOT and file.suffix not in known] == []
