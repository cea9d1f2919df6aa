"""The page at `/`, for whoever is logged in: who they are, how the mapping is doing, and where to go from here."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from html import escape
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from leads_pipeline.api import access
from leads_pipeline.api.guard import ORGANIZATION, Principal
from leads_pipeline.api.pages import page
from leads_pipeline.api.services import Services, Shared
from leads_pipeline.store import organizations, summary
from leads_pipeline.store.database import SYSTEM

router = APIRouter(include_in_schema=False)

DAYS = 90


@router.get("/")
def show(request: Request, shared: Shared) -> Response:
    """Their organization's figures for its people, those of all organizations for operators."""
    principal = access.recognise(shared.settings, shared.database, request.scope, renew=True)
    if principal is None:
        return RedirectResponse("/login?next=/", 303, {"Cache-Control": "no-store"})
    if principal.organization is None:
        heading, figures, links = "All organizations", _system_figures(shared), _DASHBOARD_LINKS
    else:
        name, figures = _organization_figures(shared, principal.organization)
        heading, links = f"{name}, the last {DAYS} days", ""
    shown = "".join(f"<div><dt>{escape(label)}</dt><dd>{value}</dd></div>" for label, value in figures.items())
    body = (
        f"<header><h1>leads_pipeline</h1>{_who(principal)}</header>"
        f"<h2>{escape(heading)}</h2><dl>{shown}</dl><h2>Further</h2><ul>{links}{_LINKS}</ul>"
    )
    return page("Home", body, headers={} if principal.set_cookie is None else {"Set-Cookie": principal.set_cookie})


_DASHBOARD_LINKS = (
    '<li><a href="/admin/asset-groups">The assets</a>: what was taken in, mapped and learned</li>'
    '<li><a href="/admin/runs">Runs</a>, and <a href="/admin/automation">what starts them</a></li>'
)
_LINKS = '<li><a href="/docs">The REST API</a>: send a file, see its mappings, correct them, take the leads</li>'


def _who(principal: Principal) -> str:
    role = "" if principal.role in (ORGANIZATION, principal.name) else f", {principal.role}"
    log_out = '<button class="plain">Log out</button>' if principal.session is not None else ""
    return f'<form method="post" action="/logout"><span class="quiet">{escape(principal.name)}{role}</span>{log_out}</form>'


def _organization_figures(shared: Services, organization: UUID) -> tuple[str, dict[str, str]]:
    until = datetime.now(UTC)
    with shared.database.transaction(organization) as transaction:
        name = organizations.organization(transaction, organization).name
        totals = summary.totals(transaction, until - timedelta(days=DAYS), until)
        stored = summary.storage_bytes(transaction)
    return name, {
        **_counts(totals, totals["decided"]),
        "right, of reviewed columns": _percent(totals["right_columns"], totals["reviewed_columns"]),
        "kept files": f"{stored / 1e6:,.1f} MB",
    }


def _system_figures(shared: Services) -> dict[str, str]:
    with shared.database.transaction(SYSTEM) as transaction:
        totals = summary.system_totals(transaction)
    return {**_counts(totals, totals["decided"]), "answers of people": f"{totals['reviewed']:,}"}


def _counts(totals: Mapping[str, Any], decided: int) -> dict[str, str]:
    return {
        "uploads": f"{totals['uploads']:,}",
        "waiting": f"{totals['waiting']:,}",
        "failed": f"{totals['failed']:,}",
        "columns": f"{totals['columns']:,}",
        "decided without a person": _percent(decided, totals["columns"]),
    }


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "–"
