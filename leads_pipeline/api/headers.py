"""Headers that tell a browser what it may do with an answer: on every answer, whoever made it. Plain ASGI.

An answer that needs more than the strictest policy names its own `Content-Security-Policy`.
"""

import base64
import hashlib
import re

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

NOTHING = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
"""For what is data, not a page."""
A_YEAR = "max-age=31536000"
ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


class SecurityHeaders:
    """Adds them. Answers under `/api/` are kept by no cache unless they say so."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(ALWAYS)
                headers.setdefault("Content-Security-Policy", NOTHING)
                if scope["path"].startswith("/api/"):
                    headers.setdefault("Cache-Control", "no-store")
                if scope["scheme"] == "https":
                    headers.setdefault("Strict-Transport-Security", A_YEAR)
            await send(message)

        await self.app(scope, receive, with_headers)


def with_tools(page: str) -> str:
    """The policy of a page of somebody else's that loads its tools from here: scripts from files, and those that stand in
    it, by their hashes. Such tools set styles in attributes.
    """
    allowed = " ".join(hash_source(script) for script in re.findall(r"<script>(.*?)</script>", page, re.DOTALL))
    return (
        f"default-src 'none'; script-src 'self' {allowed}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; form-action 'none'; base-uri 'none'; "
        "frame-ancestors 'none'"
    )


def hash_source(text: str) -> str:
    """How a policy names a script or a style that stands in a page."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
