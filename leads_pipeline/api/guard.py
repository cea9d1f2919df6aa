"""Who may pass to a mounted application, over HTTP and WebSocket alike. FastAPI's middleware does not see WebSockets.

How a credential becomes a principal is passed in; nothing here knows the store.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from urllib.parse import quote, urlsplit

import structlog
from starlette.datastructures import Headers
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from leads_pipeline.api.problems import respond
from leads_pipeline.errors import InsufficientScope, LeadsError, Unauthorized
from leads_pipeline.logs import where

log = structlog.get_logger()

ADMIN = "admin"
COOKIE = "leads_admin"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody who was recognised: a name for logs, and a role."""

    name: str
    role: str


Authenticate = Callable[[Scope], Awaitable[Principal | None]]


class Guard:
    """Lets administrators pass to `app`, and nobody else.

    Without a credential, a browser is sent to `login` and a program gets a problem object with 401; another role gets 403.
    A WebSocket is refused before it is accepted. What a page of another site makes a browser send is refused whoever
    is logged in, since the browser adds the cookie by itself.
    """

    def __init__(self, app: ASGIApp, authenticate: Authenticate, *, login: str | None = "/login") -> None:
        self.app = app
        self._authenticate = authenticate
        self._login = login

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            try:
                await self._check(scope)
            except LeadsError as error:
                await self._refusal(scope, error)(scope, receive, send)
                return
        elif scope["type"] == "websocket":
            try:
                await self._check(scope)
            except Exception as error:  # noqa: BLE001 - there is no answer but to close, and nobody above us has a better one
                if not isinstance(error, LeadsError):
                    log.warning("websocket refused", error=where(error))
                await receive()
                await send({"type": "websocket.close", "code": 1008})
                return
        await self.app(scope, receive, send)

    async def _check(self, scope: Scope) -> None:
        principal = await self._authenticate(scope)
        if principal is None:
            raise Unauthorized(
                f"Send an admin token as `Authorization: Bearer leads_...` or in the cookie {COOKIE}; "
                "`leads token create --admin` makes one."
            )
        if principal.role != ADMIN:
            raise InsufficientScope(
                "The dashboard is for administrators; `leads token create --admin` makes a token for one."
            )
        if not is_same_site(scope):
            raise InsufficientScope(
                "The request came from a page of another site.", code="cross_origin", title="Another site's request"
            )

    def _refusal(self, scope: Scope, error: LeadsError) -> Response:
        wants_page = "text/html" in Headers(scope=scope).get("accept", "")
        if self._login is not None and error.status == Unauthorized.status and wants_page and scope["method"] in SAFE:
            return RedirectResponse(f"{self._login}?next={quote(scope['path'], safe='/')}", 303)
        return respond(scope.get("state", {}).get("request_id", ""), error, {"Cache-Control": "no-store"})


def credential(scope: Scope) -> str | None:
    """The token that a request carries: as a bearer, else in the cookie `leads_admin`."""
    headers = Headers(scope=scope)
    bearer = _bearer(headers)
    if bearer is not None:
        return bearer
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return None
    return found.value or None if found is not None else None


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
    return reads or site is not None or _bearer(headers) is not None


def _bearer(headers: Headers) -> str | None:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


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
