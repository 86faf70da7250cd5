"""The demo users: at least one for each role."""

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from webapp.accounts.user import Role, User
from webapp.services import Services


@dataclass(frozen=True, slots=True)
class DemoUser:
    """A user, and how many of 100 jobs they own."""

    name: str
    full_name: str
    role: Role
    share: int
    timezone: str = ""


DEMO_USERS = (
    DemoUser("admin", "Administrator", Role.ADMIN, 5),
    DemoUser("ana", "Ana Ruiz", Role.USER, 34, "Europe/Madrid"),
    DemoUser("ben", "Ben Okafor", Role.USER, 27, "Africa/Lagos"),
    DemoUser("chloe", "Chloé Martin", Role.USER, 18, "Europe/Paris"),
    DemoUser("dai", "Dai Sato", Role.OPERATOR, 14, "Asia/Tokyo"),
    DemoUser("eva", "Eva Lindqvist", Role.AUDITOR, 2, "Europe/Stockholm"),
)
Staff = Mapping[str, User]


def create_staff(services: Services, password: str) -> Staff:
    """Create an account with this password for every demo user; existing accounts stay as they are."""
    return {user.name: _create_account(services, user, password) for user in DEMO_USERS}


def pick_owner(staff: Staff, rng: Random) -> User:
    """Pick the owner of a job at random, by share."""
    [user] = rng.choices(DEMO_USERS, [user.share for user in DEMO_USERS])
    return staff[user.name]


def _create_account(services: Services, user: DemoUser, password: str) -> User:
    existing = services.accounts.by_name(user.name)
    return existing or services.accounts.add(
        user.name,
        password,
        role=user.role,
        full_name=user.full_name,
        email=f"{user.name}@example.org",
        timezone=user.timezone,
    )
