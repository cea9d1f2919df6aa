"""What handlers are given: the database, the settings, and who is calling."""

from collections.abc import Awaitable, Callable, Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import BoundedSemaphore
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Header, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import StringConstraints
from pydantic.json_schema import SkipJsonSchema
from starlette.concurrency import run_in_threadpool

from leads_pipeline.api import access
from leads_pipeline.api.guard import ADMIN, ORGANIZATION, Principal, require_same_site
from leads_pipeline.api.holders import Holders
from leads_pipeline.api.rates import RateLimiter
from leads_pipeline.errors import InsufficientScope, Unauthorized
from leads_pipeline.providers.oidc import Provider
from leads_pipeline.settings import Settings
from leads_pipeline.spreadsheets import Limits
from leads_pipeline.store import audit
from leads_pipeline.store.database import SYSTEM, Database, SystemScope
from leads_pipeline.store.organizations import Token
from leads_pipeline.types import Actor

Absent = SkipJsonSchema[None]
"""An optional parameter is left out, not sent as null; OpenAPI shall say so."""


@dataclass(frozen=True)
class Services:
    """The parts of the web process that requests share."""

    settings: Settings
    database: Database
    scratch: Path
    reading: BoundedSemaphore = field(repr=False)
    rates: RateLimiter = field(repr=False)
    holders: Holders = field(repr=False)
    provider: Provider | None = None
    """Where people log in; None for a local password."""

    @property
    def limits(self) -> Limits:
        return Limits(**self.settings.file_limits())

    @contextmanager
    def workplace(self) -> Generator[Path]:
        """A private directory that is gone afterwards, whatever happens."""
        with TemporaryDirectory(dir=self.scratch) as directory:
            yield Path(directory)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is calling, and for which organization. `name` is a token's prefix, or whoever is logged in; `actor` is the same
    for the audit trail.
    """

    organization: UUID
    name: str
    actor: Actor


@dataclass(frozen=True, slots=True)
class Reach:
    """Who asks, and how far it reaches: one organization's data, or the whole deployment's."""

    scope: UUID | SystemScope
    actor: Actor


async def services(request: Request) -> Services:
    # A coroutine, like whatever waits for nothing: the others are handed to a thread, and that takes longer than they do.
    return request.app.state.services


Shared = Annotated[Services, Depends(services)]
_bearer = HTTPBearer(auto_error=False, description="A token from `leads token create`.")
Bearer = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]


def needs(scope: str) -> Callable[..., Awaitable[Caller]]:
    """A dependency: the caller, whose token must hold `scope`. Who is logged in for an organization holds them all."""

    async def caller(request: Request, shared: Shared, credentials: Bearer) -> Caller:
        token = None if credentials is None else shared.holders.remembered(credentials.credentials)
        if token is None or not shared.rates.take_at_hand(token.id):
            return await run_in_threadpool(authorize, request, shared, credentials, scope)
        return _holding(request, shared, token, scope)

    return caller


def reaching(scope: str) -> Callable[..., Reach]:
    """A dependency: an administrator, who reaches everything, or a caller whose token holds `scope`."""

    def reach(request: Request, shared: Shared, credentials: Bearer) -> Reach:
        principal = anybody(request, shared, credentials)
        if principal.role == ADMIN:
            return Reach(SYSTEM, acting(request, shared, principal))
        caller = authorize(request, shared, credentials, scope)
        return Reach(caller.organization, caller.actor)

    return reach


def authorize(
    request: Request, shared: Services, credentials: HTTPAuthorizationCredentials | None, scope: str
) -> Caller:
    """The caller, who must hold `scope`; asks the database. Raises `Unauthorized`, `InsufficientScope` or `TooMany`."""
    if credentials is None:
        principal = anybody(request, shared, None)
        if principal.role != ORGANIZATION or principal.organization is None:
            raise _not_allowed(scope, [principal.role])
        return Caller(principal.organization, principal.name, acting(request, shared, principal))
    token = shared.holders.find(credentials.credentials)
    if token is None:
        raise Unauthorized(NO_TOKEN)
    request.state.token_prefix = token.prefix
    shared.rates.take(shared.database, token.id)
    return _holding(request, shared, token, scope)


def _holding(request: Request, shared: Services, token: Token, scope: str) -> Caller:
    request.state.token_prefix = token.prefix
    if token.organization_id is None or scope not in token.scopes:
        raise _not_allowed(scope, token.scopes)
    network = access.network(request.scope, shared.settings, shared.database)[: audit.NETWORK_BYTES]
    return Caller(token.organization_id, token.prefix, Actor("token", token.prefix, network))


def acting(request: Request, shared: Services, principal: Principal | None = None) -> Actor:
    """Who sends this request, for the audit trail."""
    return access.actor(request.scope, shared.settings, shared.database, principal)


def administrator(request: Request, shared: Shared, credentials: Bearer) -> Actor:
    """A dependency: an administrator, by a token or logged in."""
    principal = anybody(request, shared, credentials)
    if principal.role != ADMIN:
        raise InsufficientScope("This needs an admin token; `leads token create --admin` makes one.")
    return acting(request, shared, principal)


def anybody(request: Request, shared: Shared, credentials: Bearer) -> Principal:
    """A dependency: whoever holds a token or is logged in."""
    del credentials  # Named for the description of the API; it is read where sessions are.
    principal = access.recognise(shared.settings, shared.database, request.scope)
    if principal is None:
        raise Unauthorized(NO_TOKEN)
    request.state.token_prefix = principal.name if principal.session is None else None
    require_same_site(request.scope)
    key = principal.session or principal.token
    assert key is not None, "whoever is recognised has a session or a token"
    shared.rates.take(shared.database, key)
    return principal


NO_TOKEN = "Send a valid token as `Authorization: Bearer leads_...`; `leads token create` makes one."  # noqa: S105 - a sentence


def _not_allowed(scope: str, held: Iterable[str]) -> InsufficientScope:
    return InsufficientScope(
        f"This needs a token of an organization with the scope {scope}; yours holds {', '.join(held)}."
    )


Administrator = Annotated[Actor, Depends(administrator)]
Anybody = Annotated[Principal, Depends(anybody)]
UploadReader = Annotated[Caller, Depends(needs("uploads:read"))]
UploadWriter = Annotated[Caller, Depends(needs("uploads:write"))]
Corrector = Annotated[Caller, Depends(needs("corrections:write"))]
SchemaWriter = Annotated[Caller, Depends(needs("schema:write"))]
Analyst = Annotated[Caller, Depends(needs("training:read"))]


LONGEST_VERSION = 9
"""Digits of an upload's version, which is a 4-byte integer."""
NO_VERSION = -1


async def if_match(
    value: Annotated[
        Annotated[str, StringConstraints(pattern=r'^((W/)?"[\x21\x23-\x7e]{0,64}"|\*)$')] | Absent,
        Header(alias="If-Match"),
    ] = None,
) -> int | None:
    """The version that `If-Match` names, None for any. A tag that is none of ours names one that never is."""
    if value is None or value == "*":
        return None
    version = value.removeprefix("W/").strip('"').removeprefix("v")
    return int(version) if version.isdecimal() and len(version) <= LONGEST_VERSION else NO_VERSION


Searched = Annotated[str, StringConstraints(max_length=255, pattern=r"^[^\x00]*$")]
"""A text to look for. PostgreSQL knows no NUL, and no text of a person has one."""

IfMatch = Annotated[int | Absent, Depends(if_match)]
