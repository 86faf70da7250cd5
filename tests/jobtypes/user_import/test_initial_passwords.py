import re

import pytest

from webapp.accounts.passwords import check_strength
from webapp.jobs import UnreadableSecret, Vault
from webapp.jobtypes.user_import.initial_passwords import InitialPasswords, new_seed

VAULT = Vault("a key of the installation" * 2)


def test_a_retry_derives_the_same_passwords() -> None:
    seed = new_seed(VAULT)
    assert InitialPasswords(seed, VAULT).of("ana") == InitialPasswords(seed, VAULT).of("ana")


def test_each_account_and_each_job_has_other_passwords() -> None:
    seed = new_seed(VAULT)
    passwords = InitialPasswords(seed, VAULT)
    assert len({passwords.of("ana"), passwords.of("ben"), InitialPasswords(new_seed(VAULT), VAULT).of("ana")}) == 3


def test_a_password_is_strong_and_easy_to_type() -> None:
    password = InitialPasswords(new_seed(VAULT), VAULT).of("ana")
    assert re.fullmatch(r"([a-kmnp-z2-9]{5}-){3}[a-kmnp-z2-9]{5}", password)
    check_strength(password, "ana")


def test_the_seed_is_useless_without_the_key_of_the_installation() -> None:
    with pytest.raises(UnreadableSecret):
        InitialPasswords(new_seed(VAULT), Vault("the key of another installation"))
