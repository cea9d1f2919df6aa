"""How our own pages look: plain HTML without a script, one small style sheet inside, nothing fetched from anywhere."""

from collections.abc import Mapping
from functools import cache
from html import escape
from importlib.resources import files

from fastapi.responses import HTMLResponse

from leads_pipeline.api.headers import hash_source
from leads_pipeline.insights import charts


def page(
    title: str, body: str, *, door: bool = False, status: int = 200, headers: Mapping[str, str] | None = None
) -> HTMLResponse:
    """A page of ours. `body` is HTML whose parts are escaped already; `door` centres it, as for a login."""
    text = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)} · leads_pipeline</title><style>{_style()}</style></head>"
        f'<body class="{"door" if door else "page"}"><main>{body}</main></body></html>'
    )
    return HTMLResponse(
        text, status, {"Cache-Control": "no-store", "Content-Security-Policy": _policy(), **(headers or {})}
    )


@cache
def _style() -> str:
    return (files("leads_pipeline.api") / "pages.css").read_text("utf-8") + charts.STYLE


@cache
def _policy() -> str:
    style = hash_source(_style())
    return f"default-src 'none'; style-src {style}; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
