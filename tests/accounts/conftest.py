import pytest

from webapp.accounts import passwords

REAL = {name: getattr(passwords, name) for name in ("_hasher", "_NOBODYS")}  # before `quick_passwords`


@pytest.fixture
def real_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash passwords at their real cost."""
    for name, value in REAL.items():
        monkeypatch.setattr(passwords, name, value)
