from types import SimpleNamespace

from webapp.cli.remote.secret_key import RemoteKeyRotation


class Installation:
    """Answers as an installation that encrypts two rows with each request."""

    def __init__(self, rows: int, unreadable: int = 0) -> None:
        self.rows, self.unreadable, self.requests = rows, unreadable, 0

    def send(self, method: str, path: str) -> dict[str, int | bool]:
        assert (method, path) == ("POST", "/secret-key/rotate")
        done = min(2, self.rows)
        self.rows -= done
        self.requests += 1
        first = self.requests == 1
        return {"old_keys": 1, "outdated": self.rows, "unreadable": 0, "encrypted": done, "new_key": first}


def test_requests_are_repeated_until_nothing_needs_the_old_key() -> None:
    installation = Installation(rows=5)
    rotation = RemoteKeyRotation(installation)  # type: ignore[arg-type]
    assert rotation.replace_key()
    assert rotation.encrypt_again() == 5
    assert installation.requests == 3


def test_rows_that_are_not_encrypted_by_a_request_end_the_repetition() -> None:
    answers = iter(
        [{"encrypted": 2, "outdated": 3, "new_key": True}, {"encrypted": 0, "outdated": 3, "new_key": False}]
    )
    rotation = RemoteKeyRotation(SimpleNamespace(send=lambda *_: next(answers)))  # type: ignore[arg-type]
    rotation.replace_key()
    assert rotation.encrypt_again() == 2
