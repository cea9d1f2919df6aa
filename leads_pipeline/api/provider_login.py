"""Logging in at an OpenID Connect provider: off to it, and back with what it says; then what that person may do here."""

import secrets
from urllib.parse import urlsplit
from uuid import UUID

import structlog
from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from leads_pipeline.api import access
from leads_pipeline.api.guard import ADMIN, ORGANIZATION, VIEWER, cookie
from leads_pipeline.api.login import Attempt, door, enter, ours
from leads_pipeline.api.services import Services, Shared
from leads_pipeline.errors import LeadsError, NotFound, TooMany, Unauthorized
from leads_pipeline.providers.oidc import REFUSED, Identity, Provider
from leads_pipeline.settings import Settings
from leads_pipeline.store import audit, logins, organizations
from leads_pipeline.store.database import SYSTEM
from leads_pipeline.store.logins import Flow

router = APIRouter(prefix="/login", include_in_schema=False)
log = structlog.get_logger()

CALLBACK = "/login/callback"


@router.get("/provider")
async def depart(request: Request, shared: Shared, next: str = "/") -> Response:  # noqa: A002 - the name in the address
    """Send the browser to the provider, and remember what it must bring back."""
    provider, there = _provider(shared), ours(next)
    try:
        await run_in_threadpool(lambda: Attempt(request, shared).count())
        redirect_uri = _origin(request, shared.settings) + CALLBACK
        departure = await provider.departure(redirect_uri)
    except TooMany as error:
        return door(shared, there, error.detail, status=error.status, retry_after=error.extra["retry_after"])
    except LeadsError as error:
        return door(shared, there, error.detail, status=error.status)
    browser = secrets.token_urlsafe(32)

    def remember() -> None:
        with shared.database.transaction(SYSTEM) as transaction:
            flow = Flow(departure.nonce, departure.verifier, redirect_uri, there)
            logins.begin_flow(transaction, flow, state=departure.state, browser=browser)

    await run_in_threadpool(remember)
    answer = RedirectResponse(departure.url, 303, {"Cache-Control": "no-store"})
    answer.set_cookie(
        _cookie_name(request),
        browser,
        max_age=int(logins.FLOW_LASTS.total_seconds()),
        path="/",
        httponly=True,
        secure=access.is_secure(request.scope),
        samesite="lax",
    )
    return answer


@router.get("/callback")
async def arrive(request: Request, shared: Shared, code: str = "", state: str = "", iss: str | None = None) -> Response:
    """Let in whom the provider vouches for, if this browser was sent there by us, and has not been back already."""
    provider, there = _provider(shared), "/"
    try:
        flow = await run_in_threadpool(_taken_flow, request, shared, state)
        there = flow.next_page
        if not code:
            # The provider's own words may be anything; its page has shown them.
            raise Unauthorized("You were not logged in. Begin again from here.")
        if iss is not None and iss != provider.issuer:
            raise Unauthorized(REFUSED)
        identity = await provider.identity(
            code, nonce=flow.nonce, verifier=flow.verifier, redirect_uri=flow.redirect_uri
        )
        return await run_in_threadpool(_let_in, request, shared, identity, there)
    except LeadsError as error:
        log.warning("login at the provider refused", code=error.code, status=error.status)
        return door(shared, there, error.detail, status=error.status)


def role_of(identity: Identity, settings: Settings) -> str | None:
    """The operator's role of somebody, None for none. Names are compared as written, e-mail addresses in lower case."""
    if settings.oidc_salesforce_organizations:
        allowed = {organization[:15] for organization in settings.oidc_salesforce_organizations}
        if identity.salesforce_organization not in allowed:
            return None
    held = identity.groups | ({identity.email} if identity.email else set())
    for role, names in ((ADMIN, settings.oidc_admins), (VIEWER, settings.oidc_viewers)):
        if held & {name.lower() if "@" in name else name for name in names}:
            return role
    return None


def _let_in(request: Request, shared: Services, identity: Identity, there: str) -> Response:
    role, organization = role_of(identity, shared.settings), _organization_of(shared, identity)
    if role is None and organization is None:
        with shared.database.transaction(SYSTEM) as transaction:
            who = access.actor(request.scope, shared.settings, shared.database)
            audit.record(transaction, "login.refused", details={"account": "provider", "because": "no_role"}, by=who)
        raise Unauthorized(
            f"You are {identity.name}, and nobody has given you a role here. Ask the administrator of this deployment.",
            code="no_role",
            status=403,
            title="No role",
        )
    Attempt(request, shared).succeeded()
    if role is None:
        # The dashboard crosses organizations.
        there = "/" if there.startswith("/admin") else there
        return enter(
            request,
            shared,
            there,
            role=ORGANIZATION,
            name=identity.name,
            source=identity.issuer,
            organization=organization,
        )
    return enter(request, shared, there, role=role, name=identity.name, source=identity.issuer)


def _organization_of(shared: Services, identity: Identity) -> UUID | None:
    if identity.salesforce_organization is None:
        return None
    with shared.database.transaction(SYSTEM) as transaction:
        return organizations.organization_of_salesforce(transaction, identity.salesforce_organization)


def _taken_flow(request: Request, shared: Services, state: str) -> Flow:
    browser = cookie(request.scope, _cookie_name(request))
    flow = None
    if browser and state:
        with shared.database.transaction(SYSTEM) as transaction:
            flow = logins.take_flow(transaction, state=state, browser=browser)
    if flow is None:
        raise Unauthorized(REFUSED)
    return flow


def _provider(shared: Services) -> Provider:
    if shared.provider is None:
        raise NotFound("This deployment has no provider to log in at.")
    return shared.provider


def _origin(request: Request, settings: Settings) -> str:
    if settings.public_url is not None:
        return settings.public_url
    parts = urlsplit(str(request.url))
    return f"{parts.scheme}://{parts.netloc}"


def _cookie_name(request: Request) -> str:
    return "__Host-leads_login" if access.is_secure(request.scope) else "leads_login"
