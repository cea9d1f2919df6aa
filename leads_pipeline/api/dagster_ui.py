"""The Dagster UI inside the web process, as an ASGI application to mount under `/admin`.

Who may see it is decided by a `Guard` around it. It loads beside the REST API, in a thread of its own: code that does not
load and a storage that does not answer are said at `/admin`, and keep nothing else from working.

Dagster has no public way to mount its UI; what is imported from its private modules is all in `_open` and in
`dagster_web`, and the version is pinned for it.
"""

import asyncio
import gc
import html
import sys
import threading
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager

import structlog
from sqlalchemy.engine import URL
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from leads_pipeline.api.changes import Change, Note, nobody_is_told
from leads_pipeline.api.guard import SAFE, VIEWER, principal_of
from leads_pipeline.api.pages import page
from leads_pipeline.api.problems import respond
from leads_pipeline.defs.instance import CODE_LOCATION, DEFINITIONS, open_instance
from leads_pipeline.errors import InsufficientScope, LeadsError
from leads_pipeline.logs import where
from leads_pipeline.settings import CHECKOUT, Settings
from leads_pipeline.store.database import check_reachable, connect

log = structlog.get_logger()

STATEMENT_TIMEOUT_MS = 15_000
POOL_RECYCLE_SECONDS = 600
POOL_OVERFLOW = 1
"""Dagster keeps three pools, one for each of its storages, of one connection each and as many more as this allows: six."""
QUERIES_AT_ONCE = 4
"""Each query takes a thread of those that REST handlers take as well, and waits there for a connection."""
FRONT_PAGE = "/assets"
"""Every asset with its group, what it is, how it is, and when that was found."""
LONGEST_PAUSE_SECONDS = 30.0
CLOSING_SECONDS = 10.0


class DagsterUI:
    """The UI as an ASGI application. It serves while `running` is entered, and explains itself when it cannot.

    `prefix` is the path that it is mounted under; `note` is told of whatever changes something, before it does.
    """

    def __init__(self, prefix: str = "/admin", note: Note = nobody_is_told) -> None:
        self._prefix = prefix
        self._note = note
        self._app: ASGIApp | None = None
        self._state = "The dashboard is starting; this takes a few seconds."
        self._closing = threading.Event()
        self._queries = asyncio.Semaphore(QUERIES_AT_ONCE)

    @asynccontextmanager
    async def running(self, settings: Settings, database: URL) -> AsyncGenerator[None]:
        """Load the UI, in the background, and close it on leaving. For the application's lifespan."""
        # A daemon: definitions that never return from loading must not keep the web process from ending.
        opener = threading.Thread(target=self._keep_open, args=[settings, database], name="dagster-ui", daemon=True)
        self._closing.clear()
        opener.start()
        try:
            yield
        finally:
            self._closing.set()
            await asyncio.to_thread(opener.join, CLOSING_SECONDS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._app
        if app is None:
            await self._explain(scope, receive, send)
            return
        if _would_change(scope):
            problem = InsufficientScope("You may look, and change nothing: your role is viewer.")
            await respond(scope.get("state", {}).get("request_id", ""), problem)(scope, receive, send)
            return
        if _wants_front_page(scope, self._prefix):
            await RedirectResponse(self._prefix + FRONT_PAGE, 303)(scope, receive, send)
            return
        if _is_report(scope):
            await run_in_threadpool(self._note, scope, Change("report"))
        # A mount has moved our prefix into the root path; the UI's own routes begin with it.
        inner = {**scope, "root_path": scope.get("root_path", "").removesuffix(self._prefix)}
        try:
            if scope["type"] == "http" and scope["path"].endswith("/graphql"):
                async with self._queries:
                    await app(inner, receive, send)
            else:
                await app(inner, receive, send)
        except Exception as error:  # noqa: BLE001 - it was answered already; here it only remains to be noted
            log.warning("dashboard request failed", error=where(error))

    def _keep_open(self, settings: Settings, database: URL) -> None:
        pause = 1.0
        while not self._closing.is_set():
            try:
                with _open(settings, database, self._prefix, self._note) as app:
                    self._app = app
                    _set_aside_what_was_loaded()
                    log.info("dashboard ready")
                    self._closing.wait()
                    self._app = None
            except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever it is, REST goes on
                reason = error.detail if isinstance(error, LeadsError) else "The log says why."
                self._state = (
                    f"The dashboard cannot be opened. {reason} It is tried again within {LONGEST_PAUSE_SECONDS:.0f} "
                    "seconds; uploads and the REST API do not need it."
                )
                log.warning("dashboard cannot be opened", error=where(error))
                self._closing.wait(pause)
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    async def _explain(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1013, "reason": "The dashboard is not available."})
            return
        await unavailable(Request(scope), self._state)(scope, receive, send)


def unavailable(request: Request, sentence: str) -> Response:
    """What is answered instead of the UI: a page for a person, a problem object for a program."""
    headers = {"Retry-After": "5", "Cache-Control": "no-store"}
    if "text/html" in request.headers.get("accept", ""):
        body = f'<div class="card"><h1>Dashboard</h1><p>{html.escape(sentence)}</p></div>'
        return page("Dashboard", body, door=True, status=503, headers={**headers, "Refresh": "3"})
    problem = LeadsError(sentence, code="dashboard_unavailable", status=503, title="The dashboard is not available")
    return JSONResponse(problem.as_problem(), 503, headers, media_type="application/problem+json")


@contextmanager
def _open(settings: Settings, database: URL, prefix: str, note: Note) -> Generator[ASGIApp]:
    """Dagster's webserver on our storage and our definitions.

    The definitions are loaded into this process, which saves the 110 MB of a code server. Runs are queued here and started
    by the worker. Code that does not load is shown by the UI itself.
    """
    from dagster._core.remote_origin import InProcessCodeLocationOrigin
    from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
    from dagster._core.workspace.load_target import InProcessWorkspaceLoadTarget
    from dagster_webserver.version import __version__

    from leads_pipeline.api.dagster_web import ProcessContext, Webserver

    # Dagster itself would try for 12 seconds, and end with a traceback.
    with connect(database, pool=1) as probe:
        check_reachable(probe)
    code = LoadableTargetOrigin(
        executable_path=sys.executable, module_name=DEFINITIONS, working_directory=str(CHECKOUT)
    )
    target = InProcessWorkspaceLoadTarget([InProcessCodeLocationOrigin(code, location_name=CODE_LOCATION)])
    with open_instance(settings, database) as instance:
        instance.optimize_for_webserver(STATEMENT_TIMEOUT_MS, POOL_RECYCLE_SECONDS, POOL_OVERFLOW)
        with ProcessContext(instance, target, version=__version__) as workspace:
            webserver = Webserver(workspace, prefix, note)
            yield webserver.create_asgi_app(exception_handlers={Exception: _failed})


def _wants_front_page(scope: Scope, prefix: str) -> bool:
    """Whether a person asks for the dashboard and no page of it. Dagster itself would show the runs, of which there are
    many, and hardly one that matters.
    """
    asks = scope["type"] == "http" and scope["method"] in SAFE and scope["path"].rstrip("/") == prefix
    return asks and "text/html" in Headers(scope=scope).get("accept", "")


def _set_aside_what_was_loaded() -> None:
    """Keep the garbage collector from walking through all that is loaded by now, again and again: each time, it would hold up
    every request of this process for a quarter of a second.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def _would_change(scope: Scope) -> bool:
    """Whether a viewer sends something else than a question. What GraphQL asks is looked at where it is read."""
    principal = principal_of(scope)
    return _is_report(scope) and principal is not None and principal.role == VIEWER


def _is_report(scope: Scope) -> bool:
    """Whether Dagster is told something by another way than GraphQL: of a materialization elsewhere, for one."""
    return scope["type"] == "http" and scope["method"] not in SAFE and not scope["path"].endswith("/graphql")


async def _failed(request: Request, _error: Exception) -> Response:
    return unavailable(request, "The dashboard could not answer. If Dagster's storage was restarted, try again soon.")
