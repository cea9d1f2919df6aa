"""How much a request may send, and how slowly. Plain ASGI around everything but the routes that take files, which have
limits of their own: so no form and no JSON fills the memory or the disk, or keeps a thread waiting.
"""

import asyncio
import time
from collections.abc import Awaitable
from typing import TypeVar

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from leads_pipeline.api.problems import respond
from leads_pipeline.errors import RequestInvalid

MOST_BYTES = 8 * 2**20
SLOWEST_BYTES_PER_SECOND = 500
"""No honest line is slower; who sends a byte a second only wants to keep the connection."""
TAKES_FILES = frozenset({"/api/v1/uploads", "/api/v1/mappings/preview"})

_T = TypeVar("_T")


class Pace:
    """Gives a sender up, by `TimeoutError`, who is silent for `seconds` or slower than `SLOWEST_BYTES_PER_SECOND`.

    Only the time that is spent waiting counts, not what we take to work on what came.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = self._left = seconds
        self._bytes = 0

    async def next(self, coming: Awaitable[_T]) -> _T:
        """What comes next, within what is left of the time."""
        begun = time.monotonic()
        came = await asyncio.wait_for(coming, max(self._left, 0.0))
        self._left -= time.monotonic() - begun
        return came

    def count(self, size: int) -> None:
        """Note that `size` bytes came; enough of them give the whole time again."""
        self._bytes += size
        if self._bytes >= self._seconds * SLOWEST_BYTES_PER_SECOND:
            self._left, self._bytes = self._seconds, 0


class BodyLimit:
    """`silence`: the seconds that a client may send nothing, or next to nothing."""

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
        pace = Pace(self._silence)

        async def limited() -> Message:
            nonlocal received, whole
            if whole:
                # What comes now is the client's leaving, which may take as long as the answer does.
                return await receive()
            try:
                message = await pace.next(receive())
            except TimeoutError as error:
                raise HTTPException(
                    408, f"Next to nothing came for {self._silence:g} s, so the request was given up."
                ) from error
            if message["type"] == "http.request":
                size = len(message.get("body", b""))
                received += size
                pace.count(size)
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
