"""Dagster's webserver with what it lacks: a viewer who cannot change anything, GET that never does, a strict page policy,
and pages for narrow windows.

Imports Dagster's private modules, so it is itself imported only where the UI is opened.
"""

from asyncio import Task
from functools import cache
from importlib.resources import files
from typing import Any

from dagster._core.workspace.context import WorkspaceProcessContext, WorkspaceRequestContext
from dagster_webserver.webserver import DagsterWebserver
from graphql import GraphQLError, GraphQLFormattedError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from leads_pipeline.api.changes import Note, changes, changes_something, nobody_is_told
from leads_pipeline.api.guard import VIEWER, principal_of
from leads_pipeline.api.headers import hash_source, with_tools

NO_CHANGE = "You may look, and change nothing: your role is viewer."
NOT_BY_GET = "A mutation must be sent by POST."
NOT_BY_WEBSOCKET = "Only subscriptions are answered over the WebSocket."


class ProcessContext(WorkspaceProcessContext):
    """Gives a viewer's requests a context without permissions: the UI hides or disables what would change something."""

    def create_request_context(self, source: object | None = None) -> WorkspaceRequestContext:
        return WorkspaceRequestContext(
            instance=self.instance,
            current_workspace=self.get_current_workspace(),
            process_context=self,
            version=self.version,
            source=source,
            read_only=self.read_only or (isinstance(source, HTTPConnection) and is_viewer(source)),
        )


class Webserver(DagsterWebserver[ProcessContext, WorkspaceRequestContext]):
    """The webserver. What a viewer sends is refused here as well: not every mutation asks for a permission."""

    def __init__(self, process_context: ProcessContext, prefix: str, note: Note = nobody_is_told) -> None:
        super().__init__(process_context, prefix)
        self._note = note

    def build_middleware(self) -> list[Middleware]:
        return [*super().build_middleware(), Middleware(ScriptPolicy)]

    def index_html_endpoint(self, request: Request) -> HTMLResponse:
        answer = super().index_html_endpoint(request)
        ours = f"<style>{_asset('narrow.css')}</style><script>{_asset('narrow.js')}</script></head>"
        headers = {name: value for name, value in answer.headers.items() if name != "content-length"}
        return HTMLResponse(bytes(answer.body).decode().replace("</head>", ours, 1), headers=headers)

    async def graphql_http_endpoint(self, request: Request) -> HTMLResponse | PlainTextResponse | JSONResponse:
        answer = await super().graphql_http_endpoint(request)
        if isinstance(answer, HTMLResponse):
            answer.headers["Content-Security-Policy"] = with_tools(bytes(answer.body).decode())
        return answer

    async def execute_graphql_request(
        self, request: Request, query: str, variables: dict[str, Any] | None, operation_name: str | None
    ) -> JSONResponse:
        if changes_something(query):
            if is_viewer(request):
                return _refused(NO_CHANGE, 403)
            if request.method != "POST":
                return _refused(NOT_BY_GET, 405)
            for change in changes(query, variables):
                await run_in_threadpool(self._note, request.scope, change)
        return await super().execute_graphql_request(request, query, variables, operation_name)

    async def execute_graphql_subscription(
        self,
        websocket: WebSocket,
        operation_id: str,
        query: str,
        variables: dict[str, Any] | None,
        operation_name: str | None,
    ) -> tuple[Task[Any] | None, GraphQLFormattedError | None]:
        if changes_something(query):
            return None, GraphQLError(NO_CHANGE if is_viewer(websocket) else NOT_BY_WEBSOCKET).formatted
        return await super().execute_graphql_subscription(websocket, operation_id, query, variables, operation_name)

    def make_security_headers(self) -> dict[str, str]:
        """The rest is on every answer of ours."""
        return {"Cache-Control": "no-store"}

    def make_csp_header(self, nonce: str) -> str:
        """Everything from here, scripts by nonce, ours by its hash. Dagster's components set styles in attributes."""
        scripts = f"'nonce-{nonce}' {hash_source(_asset('narrow.js'))} 'strict-dynamic'"
        return (
            f"default-src 'none'; script-src {scripts}; style-src 'self' 'unsafe-inline'; "
            "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; "
            "manifest-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        )


class ScriptPolicy:
    """The policy of a script's own answer, which binds it where it runs as a worker: more from here, nothing else."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_policy(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if "javascript" in headers.get("content-type", ""):
                    policy = "default-src 'none'; script-src 'self'; connect-src 'self'; frame-ancestors 'none'"
                    headers["Content-Security-Policy"] = policy
            await send(message)

        await self.app(scope, receive, with_policy)


@cache
def _asset(name: str) -> str:
    return (files("leads_pipeline.api") / name).read_text("utf-8")


def is_viewer(source: HTTPConnection) -> bool:
    """Whether the guard let somebody pass who may only look."""
    principal = principal_of(source.scope)
    return principal is not None and principal.role == VIEWER


def _refused(sentence: str, status: int) -> JSONResponse:
    return JSONResponse({"data": None, "errors": [{"message": sentence}]}, status)
