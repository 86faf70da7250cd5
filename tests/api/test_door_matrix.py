"""What pages can change, programs and commands can change too."""

from tests.api.door_matrix import DOORS, FURTHER_OPERATIONS
from tests.cli.remote.command_calls import CALLS
from tests.cli.test_import_cost import COMMANDS
from tests.views.page.url_access import ROUTES
from webapp.api.blueprint import all_operations
from webapp.jobs.metrics.error_groups import ErrorState
from webapp.views.job.action_confirmations import VERBS

OPERATIONS = {operation.name for operation in all_operations()}
SEVERAL = {"actions.act": tuple(VERBS), "flows.act": ("stop", "retry"), "admin_errors.settle": tuple(ErrorState)}


def buttons() -> set[str]:
    endpoints = {endpoint for endpoint, method in ROUTES if method == "POST"}
    return {f"{endpoint} {verb}".strip() for endpoint in endpoints for verb in SEVERAL.get(endpoint, ("",))}


def test_every_button_has_an_operation_and_a_command_or_a_reason() -> None:
    assert set(DOORS) == buttons()
    incomplete = [button for button, door in DOORS.items() if not (door.operation and door.command) and not door.reason]
    assert incomplete == []


def test_every_operation_belongs_to_a_button_or_to_a_command_or_has_a_reason() -> None:
    of_buttons = {door.operation for door in DOORS.values()} - {""}
    assert of_buttons | set(FURTHER_OPERATIONS) == OPERATIONS
    assert [name for name, door in FURTHER_OPERATIONS.items() if not (door.command or door.reason)] == []


def test_every_command_of_the_matrix_exists_and_works_over_the_api() -> None:
    named = {door.command for door in (*DOORS.values(), *FURTHER_OPERATIONS.values())} - {""}
    assert named <= set(COMMANDS)
    assert named | {"job types"} == set(CALLS)
