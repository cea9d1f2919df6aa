"""Every error as a problem object (RFC 9457), and a request id on every answer and log line."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from leads_pipeline.errors import LeadsError, NotFound, RequestInvalid, complaint
from leads_pipeline.logs import where
from leads_pipeline.store.database import AWAY, is_disk_full
from leads_pipeline.store.ids import new_id

log = structlog.get_logger()

PROBLEM: dict[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "code", "request_id"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "request_id": {"type": "string"},
    },
}


HTTP_CODES = {
    408: ("request_timeout", RequestInvalid.title),
    413: ("body_too_large", "The body is too large"),
}
"""Codes and titles of what is raised as a bare status, where a body is being read."""


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that may answer with these statuses, 401, 403, 422, 429, 503 and 507 among them."""
    content = {"application/problem+json": {"schema": PROBLEM}}
    return {
        status: {"description": "A problem object", "content": content}
        for status in sorted({400, 401, 403, 422, 429, 503, 507, *statuses})
    }


def install(app: FastAPI) -> None:
    """Make `app` answer every error with a problem object."""
    app.add_exception_handler(LeadsError, _leads_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    for away in AWAY:
        app.add_exception_handler(away, _database_away)
    app.add_exception_handler(PoolTimeout, _database_away)
    app.add_exception_handler(DBAPIError, _database_refused)
    app.add_exception_handler(OSError, _machine_refused)


def respond(request_id: str, error: LeadsError, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """The answer for an error."""
    more = {"WWW-Authenticate": 'Bearer realm="leads"'} if error.status == 401 else {}
    return JSONResponse(
        {**error.as_problem(), "request_id": request_id},
        status_code=error.status,
        headers={**more, **(headers or {})},
        media_type="application/problem+json",
    )


class RequestLog:
    """Gives each request an id and writes one line about it: who, what, how long, and how it ended. Never a body."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = str(new_id())
        state = scope.setdefault("state", {})
        state["request_id"] = request_id
        begun, status = time.perf_counter(), 0

        async def answered(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", []), (b"x-request-id", request_id.encode())]
            await send(message)

        error: Exception | None = None
        try:
            await self.app(scope, receive, answered)
        except Exception as caught:  # noqa: BLE001 - the last place before the server: answer, and log where it was
            error = caught
            if status == 0:
                status = 500
                problem = LeadsError(f"Something unexpected happened. Quote request {request_id} when you report it.")
                await respond(request_id, problem)(scope, receive, answered)
        finally:
            quiet = scope["path"].startswith(("/admin", "/api/v1/health")) and status < 500
            (log.debug if quiet else log.info)(
                "request",
                request_id=request_id,
                method=scope["method"],
                route=getattr(scope.get("route"), "path", scope["path"] if status < 400 else None),
                status=status,
                ms=round(1000 * (time.perf_counter() - begun), 1),
                token=state.get("token_prefix"),
                error=None if error is None else where(error),
            )


def _id(request: Request) -> str:
    return request.state.request_id


async def _leads_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, LeadsError)
    wait = error.extra.get("retry_after")
    return respond(_id(request), error, None if wait is None else {"Retry-After": str(wait)})


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    found: Sequence[Mapping[str, Any]] = error.errors()
    if any(item["type"] == "json_invalid" for item in found):
        return respond(_id(request), RequestInvalid("The body is not valid JSON.", code="json_invalid", status=400))
    # The inputs themselves are left out: they may be anything, somebody's data too.
    invalid = [{"where": ".".join(str(part) for part in item["loc"]), "problem": complaint(item)} for item in found]
    first = invalid[0]
    problem = RequestInvalid(f"{first['where']}: {first['problem']}", extra={"invalid": invalid})
    return respond(_id(request), problem)


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        return respond(_id(request), NotFound("There is nothing at this address; /docs lists what there is."))
    if error.status_code == 405:
        allowed = _methods(request)
        problem = RequestInvalid(
            f"This address does not take {request.method}; it takes {allowed}.",
            code="method_not_allowed",
            status=405,
            title="The method is not allowed",
        )
        return respond(_id(request), problem, {"Allow": allowed})
    code, title = HTTP_CODES.get(error.status_code, (RequestInvalid.code, RequestInvalid.title))
    problem = RequestInvalid(str(error.detail), code=code, status=error.status_code, title=title)
    return respond(_id(request), problem, error.headers)


def _methods(request: Request) -> str:
    # The framework names those of the first route alone that has this path.
    found: set[str] = set()
    for route in request.app.routes:
        if route.matches(request.scope)[0] is not Match.NONE:
            found |= set(getattr(route, "methods", None) or ())
    return ", ".join(sorted(found))


async def _database_away(request: Request, error: Exception) -> JSONResponse:
    if is_disk_full(error):
        return _disk_full(request, error)
    log.warning("database unavailable", request_id=_id(request), error=where(error))
    problem = LeadsError(
        "The database does not answer at the moment. Nothing was changed; try again in a few seconds.",
        code="database_unavailable",
        status=503,
        title="The database does not answer",
    )
    return respond(_id(request), problem, {"Retry-After": "5"})


async def _database_refused(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, DBAPIError)
    if error.connection_invalidated:
        return await _database_away(request, error)
    raise error


async def _machine_refused(request: Request, error: Exception) -> JSONResponse:
    if is_disk_full(error):
        return _disk_full(request, error)
    raise error


def _disk_full(request: Request, error: Exception) -> JSONResponse:
    log.error("disk full", request_id=_id(request), error=where(error))
    problem = LeadsError(
        "The disk of this deployment is full. Nothing was kept of this request; send it again once its operator has "
        "freed some space.",
        code="storage_full",
        status=507,
        title="The disk is full",
    )
    return respond(_id(request), problem)
