"""The description of the REST API at `/docs`: Swagger's page, from our own files, under a policy of its own."""

from pathlib import Path

import fastapi_offline
from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse
from starlette.staticfiles import StaticFiles

from leads_pipeline.api.headers import with_tools

FILES = "/docs-files"


def install(app: FastAPI) -> None:
    """Serve the page at `/docs`, and what it loads."""
    page = get_swagger_ui_html(
        openapi_url=app.openapi_url or "/openapi.json",
        title=f"{app.title} · REST",
        oauth2_redirect_url=None,
        swagger_js_url=f"{FILES}/swagger-ui-bundle.js",
        swagger_css_url=f"{FILES}/swagger-ui.css",
        swagger_favicon_url=f"{FILES}/favicon.png",
    )
    page.headers["Content-Security-Policy"] = with_tools(bytes(page.body).decode())

    def docs() -> HTMLResponse:
        return page

    app.add_api_route("/docs", docs, include_in_schema=False)
    app.mount(FILES, StaticFiles(directory=Path(fastapi_offline.__file__).parent / "static"))
