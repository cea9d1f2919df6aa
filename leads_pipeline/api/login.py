"""The door: `/login` and `/logout`. A good password or admin token becomes a session, of which the browser has a cookie.

What is tried is counted before it is looked at, for the account, the network and both together, in PostgreSQL: so all web
processes count as one.
"""

import hashlib
import hmac
import math
from datetime import timedelta
from html import escape
from typing import Annotated
from urllib.parse import quote, urlsplit
from uuid import UUID

import structlog
from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from leads_pipeline.api import access, passwords
from leads_pipeline.api.guard import ADMIN, is_same_site
from leads_pipeline.api.pages import page
from leads_pipeline.api.services import Services, Shared, acting
from leads_pipeline.errors import TooMany
from leads_pipeline.store import audit, logins, organizations, sessions
from leads_pipeline.store.database import SYSTEM
from leads_pipeline.types import Actor

router = APIRouter(include_in_schema=False)
log = structlog.get_logger()

PAIR_LIMIT, NETWORK_LIMIT, ACCOUNT_LIMIT = 5, 20, 100
"""Attempts within 15 minutes: on one account from one network, from one network, and on one account from anywhere."""
DEPARTURE_LIMIT = 100
"""Logins that one network may begin at the provider: everybody of an office in the morning."""
DASHBOARD = "/admin"
LONGEST_SECRET = 200

NextPage = Annotated[str, Form(alias="next", max_length=2000)]
Secret = Annotated[str, Form(max_length=LONGEST_SECRET)]


@router.get("/login")
def show(shared: Shared, next: str = DASHBOARD) -> HTMLResponse:  # noqa: A002 - the name in the address
    return door(shared, ours(next))


@router.post("/login")
def log_in(
    request: Request, shared: Shared, password: Secret = "", token: Secret = "", next_page: NextPage = DASHBOARD
) -> Response:
    """Log in by the administrator's password or by an admin token; show the page again for another."""
    there = ours(next_page)
    # What somebody pastes has a line's end now and then.
    secret = (password or token).strip()
    if not is_same_site(request.scope):
        return door(shared, there, "That came from a page of another site. Log in here.", status=403)
    attempt = Attempt(request, shared, passwords.NAME)
    try:
        attempt.count()
    except TooMany as error:
        return door(shared, there, error.detail, status=error.status, retry_after=error.extra["retry_after"])
    if secret.startswith("leads_"):
        found = access.holder(shared.database, secret)
        if found is not None and organizations.ADMIN in found.scopes:
            attempt.succeeded()
            return enter(
                request,
                shared,
                there,
                role=ADMIN,
                name=found.label or found.prefix,
                source=access.TOKEN_SOURCE,
                token=found,
            )
    elif shared.provider is None and passwords.is_right(shared.database, secret):
        attempt.succeeded()
        return enter(request, shared, there, role=ADMIN, name=passwords.NAME, source=passwords.SOURCE)
    attempt.failed()
    wrong = (
        "a valid admin token"
        if shared.provider is not None
        else "the administrator's password, nor a valid admin token"
    )
    return door(shared, there, f"That is not {wrong}.", status=401)


@router.get("/logout")
def ask_to_log_out() -> HTMLResponse:
    return page(
        "Log out",
        '<form class="card" method="post" action="/logout"><h1>leads_pipeline</h1><button>Log out</button></form>',
        door=True,
    )


@router.post("/logout")
def log_out(request: Request, shared: Shared) -> Response:
    """End the session, wherever its cookie was copied to."""
    answer = RedirectResponse("/login", status_code=303)
    if not is_same_site(request.scope):
        return answer
    principal = access.recognise(shared.settings, shared.database, request.scope)
    if principal is not None and principal.session is not None:
        with shared.database.transaction(SYSTEM, by=acting(request, shared, principal)) as transaction:
            sessions.end(transaction, principal.session)
            audit.record(transaction, "login.ended", organization=principal.organization)
        log.info("logged out", role=principal.role)
    answer.delete_cookie(
        access.cookie_name(request.scope),
        path="/",
        secure=access.is_secure(request.scope),
        httponly=True,
        samesite="lax",
    )
    return answer


def enter(
    request: Request,
    shared: Services,
    there: str,
    *,
    role: str,
    name: str,
    source: str,
    token: organizations.Token | None = None,
    organization: UUID | None = None,
) -> Response:
    """Begin a session and send the browser to where it wanted. A session that it had before is over."""
    before = access.recognise(shared.settings, shared.database, request.scope)
    with shared.database.transaction(SYSTEM) as transaction:
        if before is not None and before.session is not None:
            sessions.end(transaction, before.session)
        secret = sessions.begin(
            transaction,
            role=role,
            name=name,
            source=source,
            lasts=timedelta(hours=shared.settings.session_hours),
            token=None if token is None else token.id,
            organization=organization,
        )
        who = access.pseudonym(shared.database, name)
        audit.record(
            transaction,
            "login.succeeded",
            organization=organization,
            details={"role": role, "with": "provider" if "/" in source else source},
            by=Actor("person", who, acting(request, shared).network),
        )
    log.info("logged in", role=role, by=source)
    cookie = access.set_cookie(request.scope, secret, shared.settings)
    return RedirectResponse(there, 303, {"Set-Cookie": cookie, "Cache-Control": "no-store"})


class Attempt:
    """Somebody's try to log in: counted, forgotten when it was good, noted when it was not."""

    def __init__(self, request: Request, shared: Services, account: str | None = None) -> None:
        """To an account whose password is asked for here, or, with None, at the provider, which counts passwords itself."""
        self._shared = shared
        self._account = account or "provider"
        self._network = access.network(request.scope, shared.settings, shared.database)
        self._limits = (
            {_key(self._network, "provider"): DEPARTURE_LIMIT}
            if account is None
            else {
                _key(self._network, account): PAIR_LIMIT,
                self._network: NETWORK_LIMIT,
                _key(b"everywhere", account): ACCOUNT_LIMIT,
            }
        )

    def count(self) -> None:
        """Raises `TooMany`, with `retry_after` in seconds, when there were too many."""
        with self._shared.database.transaction(SYSTEM) as transaction:
            counts = logins.count_attempt(transaction, list(self._limits))
        waits = [wait for (count, wait), most in zip(counts, self._limits.values(), strict=True) if count > most]
        if waits:
            seconds = max(1, math.ceil(max(waits).total_seconds()))
            log.warning("login throttled", network=self._network.hex()[:12])
            self._note("login.throttled")
            raise TooMany(
                f"Too many attempts. Try again in {math.ceil(seconds / 60)} minutes.", extra={"retry_after": seconds}
            )

    def succeeded(self) -> None:
        """It was the right person: the slips before are forgotten, but not what others tried on the account."""
        with self._shared.database.transaction(SYSTEM) as transaction:
            logins.forget_attempts(transaction, list(self._limits)[:2])

    def failed(self) -> None:
        log.warning("login refused", network=self._network.hex()[:12])
        self._note("login.refused")

    def _note(self, action: str) -> None:
        with self._shared.database.transaction(SYSTEM) as transaction:
            nobody = Actor("nobody", network=self._network[: audit.NETWORK_BYTES])
            audit.record(transaction, action, details={"account": self._account}, by=nobody)


def _key(key: bytes, account: str) -> bytes:
    return hmac.digest(key, account.encode(), hashlib.sha256)


def ours(address: str) -> str:
    """The address if it is a path of this site, else the dashboard: nobody is sent elsewhere from here."""
    parts = urlsplit(address.replace("\\", "/"))
    plain = address.isprintable() and address.startswith("/") and not parts.scheme and not parts.netloc
    return address if plain else DASHBOARD


def door(
    shared: Services, there: str, problem: str = "", *, status: int = 200, retry_after: int | None = None
) -> HTMLResponse:
    """The page to log in on: at the provider, where there is one, else by password; in both cases by an admin token."""
    alarm = f'<p class="alarm" role="alert">{escape(problem)}</p>' if problem else ""
    if shared.provider is None:
        body = (
            f'<div class="card"><h1>leads_pipeline</h1>{alarm}'
            + _form(there, "Password or admin token", focus=" autofocus")
            + '<p class="quiet">The password was shown when the system first started; <code>leads admin reset-password</code> '
            "makes another, <code>leads token create --admin</code> a token.</p></div>"
        )
    else:
        body = (
            f'<div class="card"><h1>leads_pipeline</h1>{alarm}'
            f'<a class="button" href="/login/provider?next={quote(there)}">Log in with {escape(shared.provider.label)}</a>'
            f"<details><summary>With an admin token</summary>{_form(there, 'Admin token')}</details></div>"
        )
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return page("Log in", body, door=True, status=status, headers=headers)


def _form(there: str, label: str, *, focus: str = "") -> str:
    return (
        f'<form method="post" action="/login"><label for="password">{label}</label>'
        f'<input id="password" name="password" type="password" autocomplete="current-password" required{focus}>'
        f'<input type="hidden" name="next" value="{escape(there, quote=True)}"><button>Log in</button></form>'
    )
