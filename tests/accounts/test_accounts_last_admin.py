import threading
from collections.abc import Callable

import pytest

from webapp.accounts.accounts import LastAdmin
from webapp.accounts.user import Role, User
from webapp.services import Services

pytestmark = [pytest.mark.usefixtures("database"), pytest.mark.dialect]


@pytest.mark.usefixtures("admin")
def test_the_last_admin_can_neither_be_disabled_nor_demoted(services: Services, person: Callable[..., User]) -> None:
    person("gone", role=Role.ADMIN, active=False)
    person("theirs", role=Role.ADMIN, tenant="north")  # runs nothing but the jobs of the tenant
    for verb in (lambda: services.accounts.disable("ROOT"), lambda: services.accounts.set_role("root", Role.USER)):
        with pytest.raises(LastAdmin, match="is the last admin"):
            verb()
    services.accounts.set_role("root", Role.ADMIN)
    assert services.accounts.by_name("root").active


@pytest.mark.usefixtures("admin")
def test_one_of_two_admins_can_be_disabled(services: Services, person: Callable[..., User]) -> None:
    person("deputy", role=Role.ADMIN)
    services.accounts.set_role("root", Role.USER)
    assert services.accounts.by_name("root").role is Role.USER


@pytest.mark.usefixtures("admin")
@pytest.mark.dialect(both=True)
def test_two_admins_who_disable_each_other_do_not_both_succeed(services: Services, person: Callable[..., User]) -> None:
    person("deputy", role=Role.ADMIN)
    refused: list[LastAdmin] = []

    def disable(name: str) -> None:
        try:
            services.accounts.disable(name)
        except LastAdmin as error:
            refused.append(error)

    threads = [threading.Thread(target=disable, args=(name,)) for name in ("root", "deputy")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 1


def test_a_new_role_keeps_the_session_and_a_new_password_ends_it(services: Services, user: User) -> None:
    token = services.sessions.begin(user.id)
    services.accounts.set_role("ana", Role.OPERATOR)
    assert services.sessions.find(token).role is Role.OPERATOR
    services.accounts.set_password("ana", "rivers under seven bridges", temporary=True)
    assert services.sessions.find(token) is None
    assert services.accounts.get(user.id).password_is_temporary
