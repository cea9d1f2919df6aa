"""The web process: REST under `/api/v1`, and the Dagster UI behind a guard under `/admin`."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import BoundedSemaphore

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.routing import Route

from leads_pipeline import __version__
from leads_pipeline.api import (
    access,
    audit,
    charts,
    datasets,
    docs,
    erasures,
    health,
    home,
    leads,
    login,
    mapping_models,
    mappings,
    organizations,
    problems,
    provider_login,
    retraining,
    schema,
    training,
    uploads,
)
from leads_pipeline.api.access import authenticator, note_change
from leads_pipeline.api.bodies import BodyLimit
from leads_pipeline.api.dagster_ui import DagsterUI
from leads_pipeline.api.guard import ADMIN, VIEWER, Guard
from leads_pipeline.api.headers import SecurityHeaders
from leads_pipeline.api.holders import Holders
from leads_pipeline.api.rates import RateLimiter
from leads_pipeline.api.sealing import sealing
from leads_pipeline.api.services import Services
from leads_pipeline.defs.serving import register_shipped
from leads_pipeline.mapping import load_model
from leads_pipeline.providers.oidc import Provider
from leads_pipeline.settings import Settings
from leads_pipeline.spreadsheets import warm_up
from leads_pipeline.store.corrections import STATEMENTS
from leads_pipeline.store.database import Database
from leads_pipeline.store.organizations import NEWEST_LEAD_SCHEMA

ADMIN_PATH = "/admin"
CHARTS = f"{ADMIN_PATH}/charts"
"""Before the dashboard itself, which answers whatever lies under its path."""

DESCRIPTION = """
Send a spreadsheet of leads, in whatever layout; get back which lead field each column holds, with a confidence that means
what it says; correct what is wrong, and the next file comes out right.

Errors are problem objects (RFC 9457): `code` is stable, `detail` says what to do. Tokens come from `leads token create`.
"""


def create_app(settings: Settings, database: Database, *, dashboard: bool = False) -> FastAPI:
    """The application. `database` is the caller's to open and close; `dashboard` mounts the Dagster UI, too."""
    ui = DagsterUI(ADMIN_PATH, partial(note_change, settings, database))
    provider = None if settings.oidc_issuer is None else Provider(settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        async with AsyncExitStack() as stack:
            scratch = Path(stack.enter_context(TemporaryDirectory(prefix="leads-web-")))
            app.state.services = Services(
                settings,
                database,
                scratch,
                BoundedSemaphore(settings.readers),
                RateLimiter(settings),
                Holders(database),
                provider,
            )
            # The first preview shall wait neither for the model nor for the process that reads spreadsheets, the first
            # correction neither for connections nor for plans.
            await run_in_threadpool(load_model)
            await run_in_threadpool(register_shipped, database)
            await run_in_threadpool(access.warm_up, database)
            await run_in_threadpool(database.warm_up, (NEWEST_LEAD_SCHEMA, *STATEMENTS))
            await run_in_threadpool(warm_up)
            stack.enter_context(sealing(database))
            if dashboard:
                await stack.enter_async_context(ui.running(settings, database.url))
            yield

    app = FastAPI(
        docs_url=None,
        redoc_url=None,
        title="leads_pipeline",
        version=__version__,
        description=DESCRIPTION,
        lifespan=lifespan,
    )
    docs.install(app)
    for module in (
        uploads,
        leads,
        mappings,
        training,
        datasets,
        mapping_models,
        retraining,
        schema,
        organizations,
        audit,
        erasures,
        health,
    ):
        app.include_router(module.router, prefix="/api/v1")
    app.include_router(login.router)
    app.include_router(provider_login.router)
    app.include_router(home.router)
    pictures = charts.files(charts.Gallery(settings, database))
    for path, application in [(CHARTS, pictures), *([(ADMIN_PATH, ui)] if dashboard else [])]:
        guarded = Guard(application, authenticator(settings, database), admits=(ADMIN, VIEWER))
        app.mount(path, guarded)
        # A mount is what lies below it; to the path itself anybody would be redirected.
        app.router.routes.append(Route(path, guarded, include_in_schema=False))
    problems.install(app)
    app.add_middleware(BodyLimit, silence=settings.body_timeout_seconds)
    app.add_middleware(problems.RequestLog)
    app.add_middleware(SecurityHeaders)
    return app
