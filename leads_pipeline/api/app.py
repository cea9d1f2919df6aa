"""The web process: REST under `/api/v1`, and the Dagster UI behind a guard under `/admin`."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import BoundedSemaphore

from fastapi import FastAPI
from fastapi.responses import RedirectResponse
from fastapi_offline import FastAPIOffline
from starlette.concurrency import run_in_threadpool
from starlette.types import Scope

from leads_pipeline import __version__
from leads_pipeline.api import health, login, mappings, problems, schema, training, uploads
from leads_pipeline.api.dagster_ui import DagsterUI
from leads_pipeline.api.guard import Authenticate, Guard, Principal, credential
from leads_pipeline.api.services import Services, holder
from leads_pipeline.mapping import load_model
from leads_pipeline.settings import Settings
from leads_pipeline.spreadsheets import warm_up
from leads_pipeline.store.database import Database
from leads_pipeline.store.organizations import ADMIN

ADMIN_PATH = "/admin"

DESCRIPTION = """
Send a spreadsheet of leads, in whatever layout; get back which lead field each column holds, with a confidence that means
what it says; correct what is wrong, and the next file comes out right.

Errors are problem objects (RFC 9457): `code` is stable, `detail` says what to do. Tokens come from `leads token create`.
"""


def create_app(settings: Settings, database: Database, *, dashboard: bool = False) -> FastAPI:
    """The application. `database` is the caller's to open and close; `dashboard` mounts the Dagster UI, too."""
    ui = DagsterUI(ADMIN_PATH)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        async with AsyncExitStack() as stack:
            scratch = Path(stack.enter_context(TemporaryDirectory(prefix="leads-web-")))
            app.state.services = Services(settings, database, scratch, BoundedSemaphore(settings.readers))
            # The first preview shall wait neither for the model nor for the process that reads spreadsheets.
            await run_in_threadpool(load_model)
            await run_in_threadpool(warm_up)
            if dashboard:
                await stack.enter_async_context(ui.running(settings, database.url))
            yield

    app = FastAPIOffline(
        redoc_url=None, title="leads_pipeline", version=__version__, description=DESCRIPTION, lifespan=lifespan
    )
    for module in (uploads, mappings, training, schema, health):
        app.include_router(module.router, prefix="/api/v1")
    if dashboard:
        app.include_router(login.router)
        app.mount(ADMIN_PATH, Guard(ui, _authenticate(database)))
        app.add_route("/", lambda _request: RedirectResponse(ADMIN_PATH), include_in_schema=False)
    problems.install(app)
    app.add_middleware(problems.RequestLog)
    return app


def _authenticate(database: Database) -> Authenticate:
    async def authenticate(scope: Scope) -> Principal | None:
        token = credential(scope)
        found = await run_in_threadpool(holder, database, token) if token else None
        return None if found is None else Principal(found.prefix, "admin" if ADMIN in found.scopes else "organization")

    return authenticate
