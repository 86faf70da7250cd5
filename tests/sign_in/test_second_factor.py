import time
from collections.abc import Callable
from threading import Barrier, Thread
from typing import Any
from uuid import UUID

import pytest
from pydantic import SecretStr
from pyotp import TOTP
from sqlalchemy import select, update

from webapp.accounts.user import User
from webapp.db.engine import reading, writing
from webapp.jobs.definition.payload import Vault
from webapp.jobs.maintenance.reencryption import encrypt_again
from webapp.schema import recovery_codes, second_factors
from webapp.services import Services
from webapp.sign_in.second_factor import STEP, Factor, WrongCode, app_address, new_secret

pytestmark = pytest.mark.usefixtures("database")
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
NOON = 1_800_000_000.0


def code(at: float) -> str:
    return TOTP(SECRET).at(int(at))


def twice_at_once(act: Callable[[], object]) -> list[Any]:
    start, found = Barrier(2), []

    def run() -> None:
        start.wait()
        found.append(act())

    threads = [Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def has_factor(services: Services, user: User) -> bool:
    found = services.accounts.get(user.id)
    return found is not None and found.has_second_factor


@pytest.fixture
def ana(services: Services, user: User) -> UUID:
    services.second_factors.switch_on(user.id, SECRET, code(NOON), at=NOON)
    return user.id


def test_a_code_counts_once_and_no_older_one_after_it(services: Services, ana: UUID) -> None:
    use = services.second_factors.use
    assert use(ana, code(NOON), at=NOON) is None  # used to set it up
    later = NOON + 2 * STEP
    assert use(ana, code(later), at=later) is Factor.CODE
    assert use(ana, code(later), at=later) is None
    assert use(ana, code(later - STEP), at=later) is None


@pytest.mark.parametrize(("drift", "right"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_the_clock_of_a_phone_can_be_one_step_off(services: Services, ana: UUID, drift: int, right: bool) -> None:
    at = NOON + 10 * STEP
    assert (services.second_factors.use(ana, code(at + drift * STEP), at=at) is Factor.CODE) is right


def test_spaces_in_a_code_do_not_matter_and_nonsense_is_refused(services: Services, ana: UUID) -> None:
    at = NOON + 10 * STEP
    typed = code(at)
    for wrong in ("", "x" * 80, "000", "\u0661\u0662\u0663\u0664\u0665\u0666", f"{typed}0"):
        assert services.second_factors.use(ana, wrong, at=at) is None, wrong
    assert services.second_factors.use(ana, f" {typed[:3]} {typed[3:]} ", at=at) is Factor.CODE


@pytest.mark.dialect(both=True)
def test_a_code_that_arrives_twice_at_once_counts_once(services: Services, ana: UUID) -> None:
    at = NOON + 10 * STEP
    found = twice_at_once(lambda: services.second_factors.use(ana, code(at), at=at))
    assert sorted(map(str, found)) == ["None", "code"]


@pytest.mark.dialect(both=True)
def test_a_set_up_that_arrives_twice_at_once_stores_one_factor(services: Services, user: User) -> None:
    factors = services.second_factors
    found = twice_at_once(lambda: factors.switch_on(user.id, SECRET, code(NOON), at=NOON))
    assert factors.recovery_codes_left(user.id) == 10
    assert {factors.use(user.id, codes[0]) for codes in found} == {Factor.RECOVERY_CODE, None}


def test_recovery_codes_work_once_and_are_stored_as_hashes(services: Services, user: User) -> None:
    factors = services.second_factors
    codes = factors.switch_on(user.id, SECRET, code(NOON), at=NOON)
    assert len(set(codes)) == factors.recovery_codes_left(user.id) == 10
    assert factors.use(user.id, codes[0].upper()) is Factor.RECOVERY_CODE
    assert factors.use(user.id, codes[0]) is None
    assert factors.recovery_codes_left(user.id) == 9
    with reading(services.engine) as connection:
        stored = connection.execute(select(recovery_codes.c.code_hash)).scalars().all()
        [secret] = connection.execute(select(second_factors.c.secret)).scalars()
    assert not any(known.replace("-", "").encode() in hashed for known in codes for hashed in stored)
    assert SECRET not in str(secret)


def test_a_recovery_code_of_somebody_else_does_not_work(
    services: Services, person: Callable[..., User], user: User
) -> None:
    codes = services.second_factors.switch_on(user.id, SECRET, code(NOON), at=NOON)
    assert services.second_factors.use(person("ben").id, codes[0]) is None


def test_a_wrong_code_switches_nothing_on_and_a_new_app_replaces_the_old_one(services: Services, user: User) -> None:
    factors = services.second_factors
    for wrong in ("000000", "", "\u0661\u0662\u0663\u0664\u0665\u0666"):
        with pytest.raises(WrongCode):
            factors.switch_on(user.id, SECRET, wrong, at=NOON)
    assert not has_factor(services, user)
    old = factors.switch_on(user.id, SECRET, code(NOON), at=NOON)
    other = new_secret()
    factors.switch_on(user.id, other, TOTP(other).now())
    assert factors.use(user.id, old[0]) is None
    assert factors.use(user.id, code(time.time())) is None
    factors.switch_off(user.id)
    assert (has_factor(services, user), factors.recovery_codes_left(user.id)) == (False, 0)


def test_a_user_is_told_that_somebody_else_removed_the_factor_until_they_have_seen_it(
    services: Services, user: User
) -> None:
    def is_told() -> bool:
        found = services.accounts.get(user.id)
        return found is not None and found.factor_removed_at is not None

    factors = services.second_factors
    factors.switch_off_for(user.id)
    assert not is_told()  # there was none
    factors.switch_on(user.id, SECRET, code(NOON), at=NOON)
    factors.switch_off(user.id)
    assert not is_told()  # their own wish
    for end in (
        lambda: factors.mark_removal_seen(user.id),
        lambda: factors.switch_on(user.id, SECRET, code(NOON), at=NOON),
    ):
        factors.switch_on(user.id, SECRET, code(NOON), at=NOON)
        factors.switch_off_for(user.id)
        assert is_told()
        end()
        assert not is_told()


def test_codes_count_on_after_the_secret_key_was_replaced(services: Services, ana: UUID) -> None:
    new, at = "n" * 40, NOON + 10 * STEP
    assert encrypt_again(services.engine, Vault(new, services.secret_key)) == 1
    services.vault.use_keys(new)
    assert services.second_factors.use(ana, code(at), at=at) is Factor.CODE


def test_a_secret_that_no_key_decrypts_leaves_the_recovery_codes(services: Services, user: User) -> None:
    [first, *_others] = services.second_factors.switch_on(user.id, SECRET, code(NOON), at=NOON)
    foreign = Vault("f" * 40).encrypt(SecretStr(SECRET))
    with writing(services.engine) as connection:
        connection.execute(update(second_factors).values(secret=foreign))
    later = NOON + 10 * STEP
    assert services.second_factors.use(user.id, code(later), at=later) is None
    assert services.second_factors.use(user.id, first) is Factor.RECOVERY_CODE


def test_the_address_for_the_app_names_user_and_site() -> None:
    assert (
        app_address(SECRET, user="ana", site="Deskjob") == f"otpauth://totp/Deskjob:ana?secret={SECRET}&issuer=Deskjob"
    )


def test_a_new_user_has_no_factor_because_somebody_else_has_one(services: Services, ana: UUID) -> None:
    assert not services.accounts.add("ben", "a long enough secret").has_second_factor
    assert not services.accounts.add_service("robot").has_second_factor
