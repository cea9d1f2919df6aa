"""How much a request may send, and how slowly. Plain ASGI around everything but the routes that take files, which have
limits of their own: so no form and no JSON fills the memory or the disk, or keeps a thread waiting.
"""

import asyncio

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from leads_pipeline.api.problems import respond
from leads_pipeline.errors import RequestInvalid

MOST_BYTES = 8 * 2**20
TAKES_FILES = frozenset({"/api/v1/uploads", "/api/v1/mappings/preview"})


class BodyLimit:
    """`silence`: the seconds that a client may send nothing."""

    def __init__(self, app: ASGIApp, silence: float) -> None:
        self.app = app
        self._silence = silence

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or (scope["path"] in TAKES_FILES and scope["method"] == "POST"):
            await self.app(scope, receive, send)
            return
        announced = Headers(scope=scope).get("content-length", "")
        if announced.isdecimal() and int(announced) > MOST_BYTES:
            await respond(scope.get("state", {}).get("request_id", ""), too_large())(scope, receive, send)
            return
        received, whole = 0, False

        async def limited() -> Message:
            nonlocal received, whole
            if whole:
                # What comes now is the client's leaving, which may take as long as the answer does.
                return await receive()
            try:
                message = await asyncio.wait_for(receive(), self._silence)
            except TimeoutError as error:
                raise HTTPException(
                    408, f"Nothing came for {self._silence:g} s, so the request was given up."
                ) from error
            if message["type"] == "http.request":
                received += len(message.get("body", b""))
                whole = not message.get("more_body", False)
                if received > MOST_BYTES:
                    raise HTTPException(413, too_large().detail)
            return message

        await self.app(scope, limited, send)


def too_large() -> RequestInvalid:
    return RequestInvalid(
        f"The body has more than {MOST_BYTES:,} bytes, the limit here.",
        code="body_too_large",
        status=413,
        title="The body is too large",
        extra={"limit": MOST_BYTES},
    )
