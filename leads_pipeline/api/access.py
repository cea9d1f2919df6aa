"""Who a request comes from: whoever holds its bearer token, or whoever is logged in with its cookie."""

import hashlib
import hmac
from datetime import timedelta
from functools import lru_cache, partial
from ipaddress import ip_address, ip_network

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Scope

from leads_pipeline.api import passwords
from leads_pipeline.api.changes import Change
from leads_pipeline.api.guard import ADMIN, ORGANIZATION, Authenticate, Principal, bearer, cookie, principal_of
from leads_pipeline.settings import Settings
from leads_pipeline.store import audit, logins, organizations, sessions
from leads_pipeline.store.database import SYSTEM, Database
from leads_pipeline.store.organizations import Token
from leads_pipeline.types import Actor

log = structlog.get_logger()

TOKEN_SOURCE = "token"  # noqa: S105 - a word, no secret


def authenticator(settings: Settings, database: Database) -> Authenticate:
    """What a `Guard` asks."""

    async def authenticate(scope: Scope) -> Principal | None:
        return await run_in_threadpool(partial(recognise, settings, database, scope, renew=scope["type"] == "http"))

    return authenticate


def recognise(settings: Settings, database: Database, scope: Scope, *, renew: bool = False) -> Principal | None:
    """Who sends this request; None for nobody we know.

    With `renew`, the session's cookie is changed when it is time; the answer must then carry `Principal.set_cookie`.
    """
    token = bearer(Headers(scope=scope))
    if token is not None:
        found = holder(database, token)
        return None if found is None else _of_token(found)
    secret = cookie(scope, cookie_name(scope))
    return None if secret is None else _of_session(settings, database, scope, secret, renew=renew)


def holder(database: Database, token: str) -> Token | None:
    """Whose token this is, None for one that is not good."""
    with database.question(SYSTEM) as question:
        return organizations.token_holder(question, token)


def idle_time(settings: Settings) -> timedelta:
    return timedelta(minutes=settings.session_idle_minutes)


def cookie_name(scope: Scope) -> str:
    """Over https, the prefix makes browsers refuse a cookie that another host, or a plain page, has set."""
    return "__Host-leads_session" if is_secure(scope) else "leads_session"


def is_secure(scope: Scope) -> bool:
    return scope["scheme"] in ("https", "wss")


def set_cookie(scope: Scope, secret: str, settings: Settings) -> str:
    """The header that gives a browser the session's cookie. Scripts cannot read it, other sites cannot make use of it."""
    answer = Response()
    answer.set_cookie(
        cookie_name(scope),
        secret,
        max_age=int(settings.session_hours * 3600),
        path="/",
        httponly=True,
        secure=is_secure(scope),
        # Lax, not strict: whoever follows a link in a mail, or comes back from a provider, is still logged in.
        samesite="lax",
    )
    return answer.headers["set-cookie"]


def warm_up(database: Database) -> None:
    """Read what telling networks apart takes, so that it never waits for the database again."""
    _key(database, "network")


def network(scope: Scope, settings: Settings, database: Database) -> bytes:
    """A keyed hash of the network that a request comes from: of /24 for IPv4, of /64 for IPv6."""
    forwarded = Headers(scope=scope).getlist("x-forwarded-for")
    # The proxy appends what it saw; whatever stands before that, the caller may have written.
    seen = forwarded[-1].rpartition(",")[2].strip() if settings.behind_proxy and forwarded else None
    host = seen or (scope.get("client") or ("unknown",))[0]
    return _hashed_network(database, host)


def actor(scope: Scope, settings: Settings, database: Database, principal: Principal | None = None) -> Actor:
    """Whoever sends this request, as the audit trail names them: a token by its prefix, a person by a pseudonym."""
    seen = network(scope, settings, database)[: audit.NETWORK_BYTES]
    if principal is None:
        return Actor("nobody", network=seen)
    if principal.session is None:
        return Actor("token", principal.name, seen)
    return Actor("person", pseudonym(database, principal.name), seen)


def pseudonym(database: Database, name: str) -> str:
    """What the audit trail calls whoever logs in under this name. Nobody reads a name from it; the same is the same again."""
    if name == passwords.NAME:
        return name
    return hmac.digest(_key(database, "audit"), name.encode(), hashlib.sha256).hex()[:16]


def note_change(settings: Settings, database: Database, scope: Scope, change: Change) -> None:
    """Note what somebody is about to change in Dagster."""
    by = actor(scope, settings, database, principal_of(scope))
    about = None if change.run is None else ("run", change.run)
    with database.transaction(SYSTEM, by=by) as transaction:
        audit.record(
            transaction, f"dagster.{change.name}", about, details={} if change.job is None else {"job": change.job}
        )


@lru_cache(maxsize=1_000)
def _hashed_network(database: Database, host: str) -> bytes:
    try:
        address = ip_address(host)
        host = str(ip_network((address, 24 if address.version == 4 else 64), strict=False))
    except ValueError:
        pass
    return hmac.digest(_key(database, "network"), host.encode(), hashlib.sha256)


@lru_cache(maxsize=16)
def _key(database: Database, name: str) -> bytes:
    with database.transaction(SYSTEM) as transaction:
        return logins.deployment_key(transaction, name)


def _of_token(token: Token) -> Principal:
    role = ADMIN if organizations.ADMIN in token.scopes else ORGANIZATION
    return Principal(token.prefix, role, token.organization_id, token=token.id)


def _of_session(settings: Settings, database: Database, scope: Scope, secret: str, *, renew: bool) -> Principal | None:
    with database.transaction(SYSTEM) as transaction:
        session = sessions.find(transaction, secret, idle=idle_time(settings))
        if session is None or not _is_still_taken(session.source, settings):
            return None
        fresh = sessions.rotate(transaction, session) if renew and session.due else None
    header = None if fresh is None else set_cookie(scope, fresh, settings)
    return Principal(session.name, session.role, session.organization_id, session.id, set_cookie=header)


def _is_still_taken(source: str, settings: Settings) -> bool:
    """A login counts as long as one could log in that way today."""
    if source == passwords.SOURCE:
        return settings.oidc_issuer is None
    return source in (TOKEN_SOURCE, settings.oidc_issuer)
