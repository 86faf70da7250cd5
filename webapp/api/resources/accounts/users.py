"""Users, for those who see the installation; admins add and change them. And the account of the token."""

from typing import Any
from uuid import UUID

from flask import abort
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, SecretStr

from webapp.accounts.permissions import Right
from webapp.accounts.tokens import Scope
from webapp.accounts.user import Role, User
from webapp.api.lists import LINK, LimitQuery, Page, page_reply
from webapp.api.operations import Answer, Operations, Reply
from webapp.api.problems import InvalidInput
from webapp.views.admin import users
from webapp.views.admin.new_user import NewUserForm, add_user
from webapp.views.page.request import services, signed_in
from webapp.views.security.bearer_token import api_token

operations = Operations("users")
USER = "/users/<uuid:user_id>"
_SEE, _CHANGE = Right.SEE_INSTALLATION, Right.CHANGE_USERS


class UserDocument(BaseModel):
    """A user, or a service account."""

    model_config = ConfigDict(extra="forbid")

    id: UUID
    name: str
    full_name: str
    email: str | None
    role: Role
    active: bool
    tenant: str | None
    is_service: bool
    password_is_temporary: bool
    has_password: bool = Field(description="Service accounts and users of single sign-on have none.")
    has_second_factor: bool = Field(description="A code is asked for after the password.")
    groups: tuple[str, ...] = Field(description="The names of the user's groups.")
    created_at: AwareDatetime
    theme: str
    timezone: str
    language: str
    live_updates: bool
    notify: str
    imported_by: UUID | None


class NewUserDocument(UserDocument):
    """A new user. The one-time password is returned only here."""

    one_time_password: str | None


class AccountDocument(BaseModel):
    """The account in whose name the token acts. Its role is what the scopes leave of the user's role."""

    model_config = ConfigDict(extra="forbid")

    user: UserDocument
    token: str = Field(description="The name of the token.")
    scopes: list[Scope]
    expires_at: AwareDatetime | None
    timezone: str = Field(description="The time zone of the installation.")


class UsersQuery(LimitQuery):
    """Which users."""

    q: str = Field(default="", max_length=120, description="Search in names, addresses, roles and tenants.")
    after: str = Field(default="", max_length=80, description="Users after this name: the next page.")


class Password(BaseModel):
    """A password. Without one, a one-time password is made and returned."""

    model_config = ConfigDict(extra="forbid")

    password: SecretStr | None = Field(default=None, max_length=1000)
    temporary: bool = Field(default=False, description="The user must choose another one at the next sign-in.")

    def typed(self) -> str:
        """Return the given password; empty without one."""
        return self.password.get_secret_value() if self.password else ""


class NewUser(Password):
    """A new user. Without a password it gets a one-time password; a service account gets none."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(max_length=200)
    role: Role = Role.USER
    full_name: str = Field(default="", max_length=300)
    email: str = Field(default="", max_length=300)
    tenant: str = Field(default="", max_length=200)
    service: bool = Field(default=False, description="A service account: programs act with its tokens.")


class RoleBody(BaseModel):
    """The new role."""

    model_config = ConfigDict(extra="forbid")

    role: Role


_FOUND = Answer(model=UserDocument, description="The user.")


@operations.add(
    "GET", "/me", scope=Scope.READ, answers={200: Answer(model=AccountDocument, description="The account.")}
)
def get_account() -> Any:
    """Get the account and the scopes of the token."""
    token = api_token()
    scopes = [scope for scope in Scope if scope in token.scopes]
    return {
        "user": _document(signed_in()),
        "token": token.name,
        "scopes": scopes,
        "expires_at": token.expires_at,
        "timezone": services().settings.timezone,
    }


@operations.add(
    "GET",
    "/users",
    scope=Scope.READ,
    right=_SEE,
    query=UsersQuery,
    answers={200: Answer(model=Page[UserDocument], description="Users by name.", headers=LINK)},
)
def list_users(query: UsersQuery) -> Any:
    """List the users."""
    found = services().directory.page(query.q, after=query.after, limit=query.limit + 1)
    shown = found[: query.limit]
    following = {"after": shown[-1].name} if len(found) > query.limit else None
    return page_reply([_document(user) for user in shown], following=following)


@operations.add(
    "POST",
    "/users",
    scope=Scope.ADMIN,
    right=_CHANGE,
    body=NewUser,
    returns_secret=True,
    answers={201: Answer(model=NewUserDocument, description="The new user.")},
)
def create_user(body: NewUser) -> Any:
    """Add a user or a service account."""
    if body.service and body.password:
        raise InvalidInput({"pointer": "#/password", "detail": "A service account has no password."})
    form = NewUserForm(
        **{name: getattr(body, name) for name in ("name", "full_name", "email", "tenant")},
        role=body.role.value,
        password=body.typed(),
        temporary=body.temporary,
        service="1" if body.service else "",
    )
    user, password = add_user(form)
    return Reply(document={**_document(user), "one_time_password": password or None}, status=201)


@operations.add("GET", USER, scope=Scope.READ, right=_SEE, answers={200: _FOUND})
def get_user(user_id: UUID) -> Any:
    """Get a user."""
    return _document(_find(user_id))


@operations.add("POST", f"{USER}/role", scope=Scope.ADMIN, right=_CHANGE, body=RoleBody, answers={200: _FOUND})
def change_role(user_id: UUID, body: RoleBody) -> Any:
    """Change the role of a user."""
    users.change_role(_find(user_id), body.role.value)
    return get_user(user_id)


@operations.add("POST", f"{USER}/disable", scope=Scope.ADMIN, right=_CHANGE, answers={200: _FOUND})
def disable_user(user_id: UUID) -> Any:
    """Disable an account.

    Its sessions end and its tokens are refused. Its jobs and files are kept.
    """
    users.disable_user(_find(user_id))
    return get_user(user_id)


@operations.add("POST", f"{USER}/enable", scope=Scope.ADMIN, right=_CHANGE, answers={200: _FOUND})
def enable_user(user_id: UUID) -> Any:
    """Enable a disabled account."""
    users.enable_user(_find(user_id))
    return get_user(user_id)


@operations.add("POST", f"{USER}/remove-second-factor", scope=Scope.ADMIN, right=_CHANGE, answers={200: _FOUND})
def remove_second_factor(user_id: UUID) -> Any:
    """Remove the second factor of a user who has lost it.

    The user is told on every page. Your own is removed only in your settings, where a code is asked for.
    """
    users.remove_second_factor(_find(user_id))
    return get_user(user_id)


@operations.add(
    "POST",
    f"{USER}/password",
    scope=Scope.ADMIN,
    right=_CHANGE,
    body=Password,
    returns_secret=True,
    answers={200: Answer(model=NewUserDocument, description="The user.")},
)
def set_password(user_id: UUID, body: Password) -> Any:
    """Give a user a new password, and end their sessions."""
    one_time = users.set_password(_find(user_id), body.typed(), temporary=body.temporary)
    return {**_document(_find(user_id)), "one_time_password": one_time or None}


def _find(user_id: UUID) -> User:
    return services().accounts.get(user_id) or abort(404)


def _document(user: User) -> dict[str, Any]:
    return {name: getattr(user, name) for name in UserDocument.model_fields}
