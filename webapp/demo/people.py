"""Who works in the demonstration: somebody of each role."""

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from webapp.accounts.user import Role, User
from webapp.services import Services


@dataclass(frozen=True, slots=True)
class DemoUser:
    """Somebody, and how many of a hundred jobs are theirs."""

    name: str
    full_name: str
    role: Role
    share: int
    timezone: str = ""


PEOPLE = (
    DemoUser("admin", "Administrator", Role.ADMIN, 5),
    DemoUser("ana", "Ana Ruiz", Role.USER, 34, "Europe/Madrid"),
    DemoUser("ben", "Ben Okafor", Role.USER, 27, "Africa/Lagos"),
    DemoUser("chloe", "Chloé Martin", Role.USER, 18, "Europe/Paris"),
    DemoUser("dai", "Dai Sato", Role.OPERATOR, 14, "Asia/Tokyo"),
    DemoUser("eva", "Eva Lindqvist", Role.AUDITOR, 2, "Europe/Stockholm"),
)
Staff = Mapping[str, User]


def hire(services: Services, password: str) -> Staff:
    """Give everybody an account with this password; who has one keeps it."""
    return {person.name: _account(services, person, password) for person in PEOPLE}


def somebody(staff: Staff, chance: Random) -> User:
    """Draw who starts a job."""
    [person] = chance.choices(PEOPLE, [person.share for person in PEOPLE])
    return staff[person.name]


def _account(services: Services, person: DemoUser, password: str) -> User:
    known = services.accounts.by_name(person.name)
    return known or services.accounts.add(
        person.name,
        password,
        role=person.role,
        full_name=person.full_name,
        email=f"{person.name}@example.org",
        timezone=person.timezone,
    )
