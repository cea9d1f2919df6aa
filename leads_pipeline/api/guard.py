"""Who may pass to a mounted application, over HTTP and WebSocket alike. FastAPI's middleware does not see WebSockets.

How a credential becomes a principal is passed in; nothing here knows the store.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from urllib.parse import quote, urlsplit
from uuid import UUID

import structlog
from starlette.datastructures import Headers
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from leads_pipeline.api.problems import respond
from leads_pipeline.errors import InsufficientScope, LeadsError, Unauthorized
from leads_pipeline.logs import where

log = structlog.get_logger()

ADMIN = "admin"
VIEWER = "viewer"
"""Sees the dashboard and changes nothing."""
ORGANIZATION = "organization"
"""Somebody of one organization, or a program with its token."""
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
LONGEST_SOCKET_SECONDS = 600.0
"""A WebSocket is closed then, and the page opens another one: so whoever was logged out hears no more."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody who was recognised: a name for logs, a role, and whose organization's it is, if of one.

    `session` is set for who is logged in, `token` for who sends one; `set_cookie` is a header that the answer must carry then.
    """

    name: str
    role: str
    organization: UUID | None = None
    session: UUID | None = None
    token: UUID | None = None
    set_cookie: str | None = None


Authenticate = Callable[[Scope], Awaitable[Principal | None]]


class Guard:
    """Lets those whose role is in `admits` pass to `app`, and nobody else. `principal_of` tells `app` who it was.

    Without a credential, a browser is sent to `login` and a program gets a problem object with 401; another role gets 403.
    A WebSocket is refused before it is accepted. What a page of another site makes a browser send is refused whoever
    is logged in, since the browser adds the cookie by itself.
    """

    def __init__(
        self,
        app: ASGIApp,
        authenticate: Authenticate,
        *,
        admits: Collection[str] = (ADMIN,),
        login: str | None = "/login",
    ) -> None:
        self.app = app
        self._authenticate = authenticate
        self._admits = frozenset(admits)
        self._login = login

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            try:
                principal = await self._check(scope)
            except LeadsError as error:
                await self._refusal(scope, error)(scope, receive, send)
                return
            if principal.set_cookie is not None:
                send = _with_cookie(send, principal.set_cookie)
        elif scope["type"] == "websocket":
            try:
                await self._check(scope)
            except Exception as error:  # noqa: BLE001 - there is no answer but to close, and nobody above us has a better one
                if not isinstance(error, LeadsError):
                    log.warning("websocket refused", error=where(error))
                await receive()
                await send({"type": "websocket.close", "code": 1008})
                return
            receive = _for_a_while(receive, send)
        await self.app(scope, receive, send)

    async def _check(self, scope: Scope) -> Principal:
        principal = await self._authenticate(scope)
        if principal is None:
            raise Unauthorized(
                "Log in at /login, or send an admin token as `Authorization: Bearer leads_...`; "
                "`leads token create --admin` makes one."
            )
        if principal.role not in self._admits:
            raise InsufficientScope(
                "The dashboard is for administrators; `leads token create --admin` makes a token for one."
            )
        require_same_site(scope)
        scope.setdefault("state", {})["principal"] = principal
        return principal

    def _refusal(self, scope: Scope, error: LeadsError) -> Response:
        wants_page = "text/html" in Headers(scope=scope).get("accept", "")
        if self._login is not None and error.status == Unauthorized.status and wants_page and scope["method"] in SAFE:
            return RedirectResponse(f"{self._login}?next={quote(scope['path'], safe='/')}", 303)
        return respond(scope.get("state", {}).get("request_id", ""), error, {"Cache-Control": "no-store"})


def principal_of(scope: Scope) -> Principal | None:
    """Who a guard has let pass."""
    return scope.get("state", {}).get("principal")


def bearer(headers: Headers) -> str | None:
    """The token that a request carries as `Authorization: Bearer`."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def cookie(scope: Scope, name: str) -> str | None:
    """What a cookie holds."""
    try:
        found = SimpleCookie(Headers(scope=scope).get("cookie", "")).get(name)
    except CookieError:
        return None
    return found.value or None if found is not None else None


def require_same_site(scope: Scope) -> None:
    """Raise `InsufficientScope` for what a page of another site makes a browser send."""
    if not is_same_site(scope):
        raise InsufficientScope(
            "The request came from a page of another site.", code="cross_origin", title="Another site's request"
        )


def is_same_site(scope: Scope) -> bool:
    """Whether the request can have come from one of our own pages, or from no page at all.

    A browser names the page's origin on every WebSocket, on whatever changes state and on what scripts ask of other sites,
    and, over https, says `Sec-Fetch-Site` on everything. Following a link to us is always allowed. What names
    nothing and wants more than to read is a program's; it must carry its token itself, which no page of another site
    can make a browser do.
    """
    headers = Headers(scope=scope)
    site = headers.get("sec-fetch-site")
    if site == "same-origin":
        return True
    origin = headers.get("origin")
    if origin is not None:
        return _is_ours(origin, scope, headers)
    reads = scope["type"] == "http" and scope["method"] in SAFE
    if site not in (None, "none"):
        return reads and headers.get("sec-fetch-mode") == "navigate"
    return reads or site is not None or bearer(headers) is not None


def _for_a_while(receive: Receive, send: Send) -> Receive:
    limit = time.monotonic() + LONGEST_SOCKET_SECONDS

    async def until_the_limit() -> Message:
        try:
            return await asyncio.wait_for(receive(), limit - time.monotonic())
        except TimeoutError:
            await send({"type": "websocket.close", "code": 1001, "reason": "Connect again."})
            return {"type": "websocket.disconnect", "code": 1001}

    return until_the_limit


def _with_cookie(send: Send, header: str) -> Send:
    async def with_cookie(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", []), (b"set-cookie", header.encode())]
        await send(message)

    return with_cookie


def _is_ours(origin: str, scope: Scope, headers: Headers) -> bool:
    try:
        page = urlsplit(origin)
        if page.scheme not in ("http", "https") or page.hostname is None:
            return False
        if scope["scheme"] in ("https", "wss") and page.scheme != "https":
            return False
        page_port = page.port or _default_port(page.scheme)
        # A proxy that rewrites Host says the browser's in X-Forwarded-Host. Pages of other sites can set neither.
        for name in ("host", "x-forwarded-host"):
            for value in headers.getlist(name):
                host = urlsplit(f"//{value.strip()}")
                if host.hostname == page.hostname and (host.port or _default_port(page.scheme)) == page_port:
                    return True
    except ValueError:
        return False
    return False


def _default_port(scheme: str) -> int:
    return 443 if scheme == "https" else 80
