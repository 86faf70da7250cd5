"""API tokens: those of the account, and for accounts that see the installation those of everyone."""

from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

from flask import abort
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from webapp.accounts.permissions import Right
from webapp.accounts.tokens import ApiToken, BadToken, Scope
from webapp.accounts.user import User
from webapp.api.lists import LINK, LimitQuery, Page, page_reply
from webapp.api.operations import Answer, Operations, Reply
from webapp.api.problems import InvalidInput
from webapp.views.page.permissions import demand, may
from webapp.views.page.request import services, signed_in
from webapp.views.security.bearer_token import api_token
from webapp.views.tokens import token_form

operations = Operations("tokens")
TOKEN = "/tokens/<uuid:token_id>"  # noqa: S105  (a path)
_LONGEST = timedelta(days=36_500).total_seconds()


class TokenDocument(BaseModel):
    """A token without its secret; `prefix` is its beginning."""

    model_config = ConfigDict(extra="forbid")

    id: UUID
    user_id: UUID
    name: str
    prefix: str
    scopes: list[Scope]
    created_at: AwareDatetime
    created_by: UUID | None
    expires_at: AwareDatetime | None = Field(description="Null if it does not expire.")
    revoked_at: AwareDatetime | None
    last_used_at: AwareDatetime | None
    last_address: str
    user: str = Field(description="The name of the account that it acts as.")


class NewTokenDocument(TokenDocument):
    """A new token. Its text is returned only here."""

    token: str


class TokensQuery(LimitQuery):
    """Which tokens."""

    user: str = Field(default="", max_length=120, description="Only tokens of the account with this name.")
    before: UUID | None = Field(default=None, description="Tokens older than this one: the next page.")


class NewToken(BaseModel):
    """A new token of a service account, or of the account itself. It works for 90 days by default."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(max_length=200)
    user: str = Field(max_length=120, description="The name of the account that it acts as.")
    scopes: list[Scope] = Field(default_factory=lambda: [Scope.READ, Scope.START], min_length=1, max_length=len(Scope))
    expires_at: AwareDatetime | None = Field(default=None, description="It works until this time.")
    lasts: Annotated[float, Field(gt=0, le=_LONGEST)] | None = Field(
        default=timedelta(days=90).total_seconds(),
        description="It works for this many seconds; null if it does not expire. Ignored with `expires_at`.",
    )


@operations.add(
    "GET",
    "/tokens",
    scope=Scope.READ,
    query=TokensQuery,
    answers={200: Answer(model=Page[TokenDocument], description="Tokens, newest first.", headers=LINK)},
)
def list_tokens(query: TokensQuery) -> Any:
    """List API tokens.

    Tokens of the account, or of everyone for accounts that see the installation.
    """
    found = services().tokens.page(_whose(query.user), before=query.before, limit=query.limit + 1)
    shown = found[: query.limit]
    names = services().accounts.names({token.user_id for token in shown})
    documents = [_document(token, names.get(token.user_id, "")) for token in shown]
    return page_reply(documents, following={"before": shown[-1].id} if len(found) > query.limit else None)


@operations.add(
    "POST",
    "/tokens",
    scope=Scope.ADMIN,
    right=Right.CHANGE_USERS,
    body=NewToken,
    returns_secret=True,
    answers={201: Answer(model=NewTokenDocument, description="The new token.")},
)
def create_token(body: NewToken) -> Any:
    """Create an API token of a service account, or of the account itself.

    Its text is returned only here. A token never permits more than the role of its account, and it has no scope that
    the token of this request lacks.
    """
    end = (
        {"expires_at": body.expires_at} if body.expires_at else {"lasts": body.lasts and timedelta(seconds=body.lasts)}
    )
    user = _user_for_token(body.user)
    if lacking := set(body.scopes) - api_token().scopes:
        detail = f"The token of this request does not have the scope “{min(lacking)}”, so it cannot give it to another."
        raise InvalidInput({"pointer": "#/scopes", "detail": detail})
    try:
        token, text = token_form.add_token(user, body.name, body.scopes, **end)
    except BadToken as error:
        abort(422, str(error))
    return Reply(document={**_document(token, user.name), "token": text}, status=201)


@operations.add(
    "POST",
    f"{TOKEN}/revoke",
    scope=Scope.START,
    answers={200: Answer(model=TokenDocument, description="The token after the change.")},
)
def revoke_token(token_id: UUID) -> Any:
    """Revoke an API token. Programs that use it are refused from now on.

    Everyone can revoke the tokens of their account; admins those of everyone, with the scope `admin`.
    """
    token = services().tokens.get(token_id)
    if token.user_id != signed_in().id:
        demand(Right.CHANGE_USERS)
    user = services().accounts.get(token.user_id)
    token_form.revoke_token(token, user)
    return _document(services().tokens.get(token_id), user.name if user else "")


def _whose(name: str) -> UUID | None:
    """Return whose tokens are listed; None for everyone's."""
    own = signed_in()
    if not may(Right.SEE_INSTALLATION):
        return own.id if name in {"", own.name} else abort(404)
    if not name:
        return None
    user = services().accounts.by_name(name)
    return user.id if user else abort(404)


def _user_for_token(name: str) -> User:
    user = services().accounts.by_name(name)
    if user is None or not (user.is_service or user.id == signed_in().id):
        detail = "Choose a service account, or the account of this token. Other users create their tokens themselves."
        raise InvalidInput({"pointer": "#/user", "detail": detail})
    return user


def _document(token: ApiToken, user: str) -> dict[str, Any]:
    names = (name for name in TokenDocument.model_fields if name != "user")
    scopes = [scope for scope in Scope if scope in token.scopes]
    return {**{name: getattr(token, name) for name in names}, "scopes": scopes, "user": user}
