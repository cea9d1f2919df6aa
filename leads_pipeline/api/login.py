"""The door to the dashboard: an admin token, typed in once, becomes a cookie that scripts cannot read."""

from html import escape
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from leads_pipeline.api.guard import COOKIE, is_same_site
from leads_pipeline.api.services import Shared, is_admin

router = APIRouter(include_in_schema=False)

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Log in · leads_pipeline</title>
<style>
  :root {{ color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }}
  body {{ min-height: 90vh; display: grid; place-content: center; padding: 1rem }}
  form {{ width: min(26rem, 90vw); display: grid; gap: .75rem }}
  h1 {{ font-size: 1.3rem; margin: 0 }}
  input, button {{ font: inherit; padding: .55rem .7rem; border-radius: .4rem; border: 1px solid #8888 }}
  button {{ background: #0369a1; color: #fff; border: 0; cursor: pointer }}
  p {{ margin: 0 }}
  .hint {{ opacity: .75; font-size: .9rem }}
  .error {{ color: #dc2626 }}
</style>
<form method="post" action="/login">
  <h1>leads_pipeline</h1>
  {error}
  <label for="token">Admin token</label>
  <input id="token" name="token" type="password" autocomplete="current-password" required autofocus>
  <input type="hidden" name="next" value="{next}">
  <button>Log in</button>
  <p class="hint">It lies in <code>.leads/admin-token</code>, or <code>leads token create --admin</code> makes one.</p>
</form>
</html>
"""


@router.get("/login")
def page(next: str = "/admin") -> HTMLResponse:  # noqa: A002 - the name in the address
    return _page(_ours(next))


@router.post("/login")
def log_in(
    request: Request,
    shared: Shared,
    token: Annotated[str, Form(max_length=200)],
    next: Annotated[str, Form(max_length=2000)] = "/admin",  # noqa: A002 - the name in the form
) -> Response:
    """Set the cookie for a good token; show the page again for another."""
    if not is_same_site(request.scope) or not is_admin(shared.database, token.strip()):
        return _page(_ours(next), "That is not a valid admin token.", 401)
    answer = RedirectResponse(_ours(next), status_code=303)
    answer.set_cookie(
        COOKIE, token.strip(), httponly=True, samesite="strict", secure=request.url.scheme == "https", path="/"
    )
    return answer


@router.post("/logout")
def log_out() -> Response:
    answer = RedirectResponse("/login", status_code=303)
    answer.delete_cookie(COOKIE, path="/")
    return answer


def _ours(address: str) -> str:
    """The address if it is a path of this site, else the dashboard: nobody is sent elsewhere from here."""
    parts = urlsplit(address.replace("\\", "/"))
    return address if address.startswith("/") and not parts.scheme and not parts.netloc else "/admin"


def _page(next_page: str, error: str = "", status: int = 200) -> HTMLResponse:
    shown = f'<p class="error" role="alert">{escape(error)}</p>' if error else ""
    headers = {
        "Cache-Control": "no-store",
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'",
        "Referrer-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
    }
    return HTMLResponse(_PAGE.format(next=escape(next_page, quote=True), error=shown), status, headers)
