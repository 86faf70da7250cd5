import pytest

from webapp.accounts import passwords

REAL = {name: getattr(passwords, name) for name in ("_hasher", "_NOBODYS")}  # before `quick_passwords`


@pytest.fixture
def real_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash passwords as the house does, at their full costs."""
    for name, value in REAL.items():
        monkeypatch.setattr(passwords, name, value)
