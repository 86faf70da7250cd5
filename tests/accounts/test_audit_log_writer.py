from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import delete, select, text, update
from sqlalchemy.exc import DBAPIError

from webapp.accounts.accounts import UserNotFound
from webapp.accounts.audit_log import AuditAction, AuditActor, AuditLine, AuditTarget
from webapp.accounts.audit_log_writer import AuditLogWriter
from webapp.accounts.user import User
from webapp.db.engine import reading, writing
from webapp.schema import audit
from webapp.services import Services

ROOT = AuditActor(id=uuid4(), name="root", role="admin", address="192.0.2.7")


@pytest.fixture
def pen(services: Services) -> AuditLogWriter:
    return AuditLogWriter(services.engine)


def line(**details: Any) -> AuditLine:
    return AuditLine(actor=ROOT, action=AuditAction.USER_DISABLE, kind=AuditTarget.USER, id="ana", **details)


def rows(services: Services) -> list[Mapping[str, Any]]:
    with reading(services.engine) as connection:
        return [dict(row) for row in connection.execute(select(audit).order_by(audit.c.id)).mappings()]


def test_a_line_has_actor_action_object_and_address(services: Services, pen: AuditLogWriter, database: str) -> None:
    pen.record(line(name="Ana Ruiz", before={"active": True}, after={"active": False}))
    (row,) = rows(services)
    assert (row["actor_id"], row["actor"], row["role"], row["address"]) == (ROOT.id, "root", "admin", "192.0.2.7")
    assert (row["action"], row["kind"], row["object_id"], row["object_name"]) == (
        "user_disable",
        "user",
        "ana",
        "Ana Ruiz",
    )
    assert (row["before"], row["after"]) == ({"active": True}, {"active": False})
    assert row["at"] is not None


@pytest.mark.parametrize("change", [update(audit).values(actor="nobody"), delete(audit)], ids=["change", "remove"])
def test_a_line_cannot_be_changed_or_deleted(
    services: Services, pen: AuditLogWriter, database: str, change: Any
) -> None:
    pen.record(line())
    with pytest.raises(DBAPIError, match="the audit only grows"), writing(services.engine) as connection:
        connection.execute(change)
    assert [row["actor"] for row in rows(services)] == ["root"]


def test_on_postgresql_the_table_cannot_be_truncated(services: Services, pen: AuditLogWriter, database: str) -> None:
    if database == "sqlite":
        return  # it has no such statement
    pen.record(line())
    with pytest.raises(DBAPIError, match="the audit only grows"), writing(services.engine) as connection:
        connection.execute(text("TRUNCATE audit"))


def test_a_change_and_its_line_are_committed_together(
    services: Services, pen: AuditLogWriter, user: User, database: str
) -> None:
    with pen.record_with_change(line()):
        services.accounts.disable(user.name)
    assert len(rows(services)) == 1


def test_a_refused_change_leaves_no_line(services: Services, pen: AuditLogWriter, database: str) -> None:
    with pytest.raises(UserNotFound), pen.record_with_change(line()):
        services.accounts.disable("nobody")
    assert rows(services) == []


def test_a_line_that_cannot_be_written_undoes_the_change(
    services: Services, pen: AuditLogWriter, user: User, database: str
) -> None:
    broken = AuditLine(actor=ROOT, action=AuditAction.USER_DISABLE, kind=AuditTarget.USER, id="ana", name=None)  # type: ignore[arg-type]
    with pytest.raises(TypeError), pen.record_with_change(broken):
        services.accounts.disable(user.name)
    found = services.accounts.get(user.id)
    assert found is not None
    assert found.active


def test_the_line_is_written_with_the_first_of_several_transactions(
    services: Services, pen: AuditLogWriter, person: Callable[..., User]
) -> None:
    person("ben")
    person("cleo")
    with pen.record_with_change(line()):
        services.accounts.disable("ben")
        services.accounts.disable("cleo")
    services.accounts.enable("ben")
    assert len(rows(services)) == 1


def test_large_values_are_left_out(services: Services, pen: AuditLogWriter) -> None:
    pen.record(line(after={"payload": "x" * 5000}))
    assert rows(services)[0]["after"] == {"left_out": "5015 characters"}
