"""The page at `/`, for whoever is logged in: how the mapping is doing, what needs somebody, and where to go from here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
from leads_pipeline.insights import attention, pictures
from leads_pipeline.insights.attention import Item, Place
from leads_pipeline.insights.charts import number, percent, size
from leads_pipeline.insights.intervals import Estimate
from leads_pipeline.store import organizations, overview, retention
from leads_pipeline.store.database import SYSTEM, SystemScope, Transaction
from leads_pipeline.wording import counted

router = APIRouter(include_in_schema=False)

RECENT = timedelta(days=7)
MOST_RECOMMENDED = 5
PICTURES = (pictures.accuracy, pictures.uploads, pictures.corrections, pictures.coverage, pictures.collection)
"""All of the same rows, which are read once."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the page tells, of one organization or of all."""

    heading: str
    totals: Mapping[str, Any]
    recent: Mapping[str, int]
    span: str
    items: Sequence[Item]
    recommended: Sequence[Mapping[str, Any]]
    learned: Mapping[str, Any]
    charts: Sequence[str]


@router.get("/")
def show(request: Request, shared: Shared) -> Response:
    """Their organization's figures for its people, those of all organizations for operators."""
    principal = access.recognise(shared.settings, shared.database, request.scope, renew=True)
    if principal is None:
        return RedirectResponse("/login?next=/", 303, {"Cache-Control": "no-store"})
    seen = _look(shared, SYSTEM if principal.organization is None else principal.organization)
    addresses = _DASHBOARD if principal.organization is None else _REST
    body = (
        f"<header><h1>leads_pipeline</h1>{_who(principal)}</header>"
        f"{_figures(seen)}<h2>Needs attention</h2>{_items(seen.items, addresses)}"
        f"<h2>Recommended</h2>{_recommended(seen.recommended, principal)}"
        f"<h2>Learned</h2><dl>{_tiles(_learned(seen.learned, principal))}</dl>"
        f'<h2>How it goes</h2><div class="charts">{"".join(seen.charts)}</div>'
        f"<h2>Further</h2><ul>{_DASHBOARD_LINKS if principal.organization is None else ''}{_LINKS}</ul>"
    )
    return page("Home", body, headers={} if principal.set_cookie is None else {"Set-Cookie": principal.set_cookie})


_DASHBOARD = {
    Place.BEGINNING: ("/docs", "How to send one"),
    Place.QUEUE: ("/admin/assets/file_uploads", "The queue"),
    Place.UPLOADS: ("/admin/assets/file_uploads", "Files"),
    Place.REVIEW: ("/admin/assets/field_mappings", "Mappings"),
    Place.PATTERNS: ("/admin/assets/user_corrections", "Corrections"),
    Place.ACCURACY: ("/admin/assets/field_mappings", "Mappings"),
    Place.RUN: ("/admin/runs/{which}", "The run"),
    Place.BUDGET: ("/admin/assets/field_mappings", "Mappings"),
    Place.KEPT: ("/admin/assets/expired_contents", "Retention"),
    Place.MODEL: ("/admin/assets/mapping_models", "Models"),
}
_REST = {
    Place.BEGINNING: ("/docs#/uploads", "How to send one"),
    Place.UPLOADS: ("/api/v1/uploads?status=failed", "These files"),
    Place.QUEUE: ("/api/v1/uploads?status=received", "These files"),
    Place.REVIEW: ("/api/v1/uploads?status=mapped", "These files"),
    Place.PATTERNS: ("/api/v1/training/field-patterns", "Headers and answers"),
    Place.ACCURACY: ("/api/v1/training/field-patterns", "Headers and answers"),
    Place.BUDGET: ("/api/v1/training/summary", "Figures"),
    Place.KEPT: ("/api/v1/uploads?status=mapped", "These files"),
    Place.MODEL: ("/api/v1/models", "Models"),
}
_DASHBOARD_LINKS = (
    '<li><a href="/admin/assets">The assets</a>: what was taken in, mapped and learned</li>'
    '<li><a href="/admin/runs">Runs</a>, and <a href="/admin/automation">what starts them</a></li>'
    '<li><a href="/admin/jobs">Jobs to launch by hand</a>: a training dataset, a mapping of what waits</li>'
)
_LINKS = '<li><a href="/docs">The REST API</a>: send a file, see its mappings, correct them, take the leads</li>'


def _look(shared: Services, scope: UUID | SystemScope) -> _Seen:
    now = datetime.now(UTC)
    with shared.database.transaction(scope) as transaction:
        heading, budget = _whose(transaction, shared)
        unit = overview.period(transaction, now)
        rows = overview.uploads_by_period(transaction, unit, now)
        recent = {name: sum(row[name] for row in rows) for name in rows[0] if name != "start"}
        totals = overview.totals(transaction)
        learned = overview.learned(transaction)
        items = attention.items(
            totals,
            failures=overview.failures(transaction, now - RECENT),
            disputed=overview.disputed_headers(transaction),
            accuracy=pictures.accuracy_of(recent),
            spent=overview.spent_this_month(transaction, now),
            budget=budget,
            failed_runs=overview.failed_runs(transaction, now - RECENT) if scope is SYSTEM else (),
            neglected=[
                (each.organization, each.files, each.oldest)
                for each in retention.neglected(transaction, shared.settings.training_data_retention_days)
            ],
            name_them=scope is SYSTEM,
            lost_model=learned["lost"],
        )
        recommended = overview.recommended(transaction, MOST_RECOMMENDED)
        queue = pictures.waiting(overview.queue_age(transaction))
    charts = [*(picture(rows) for picture in PICTURES), queue]
    span = f"the last {len(rows)} {unit}s"
    return _Seen(heading, totals, recent, span, items, recommended, learned, charts)


def _whose(transaction: Transaction, shared: Services) -> tuple[str, float | None]:
    """A heading, and the budget of a month; that of all organizations together is nobody's."""
    if transaction.scope is SYSTEM:
        return "All organizations", None
    name = organizations.organization(transaction, transaction.organization).name
    return name, organizations.settings_for(transaction, shared.settings).llm_monthly_budget_usd


def _who(principal: Principal) -> str:
    role = "" if principal.role in (ORGANIZATION, principal.name) else f", {principal.role}"
    log_out = '<button class="plain">Log out</button>' if principal.session is not None else ""
    return f'<form method="post" action="/logout"><span class="quiet">{escape(principal.name)}{role}</span>{log_out}</form>'


def _figures(seen: _Seen) -> str:
    recent, totals = seen.recent, seen.totals
    mapped = recent["mapped"] + recent["reviewed"]
    wanted = f"target {percent(pictures.TARGET_ACCURACY)}"
    rates = (
        ("Right, of reviewed columns", *_share(pictures.accuracy_of(recent)), wanted),
        ("Decided without a person", *_part(recent["decided"], recent["columns"], "columns")),
        ("Corrections per upload", *_mean(pictures.corrections_of(recent))),
        ("Reviewed by people", *_part(recent["reviewed"], mapped, "mapped files")),
    )
    counts = (
        ("Files", f"{totals['uploads']:,}", counted(totals["rows"], "row")),
        ("Columns", f"{totals['columns']:,}"),
        ("Waiting", f"{totals['waiting']:,}"),
        ("Failed", f"{totals['failed']:,}"),
        ("Answers of people", f"{totals['answers']:,}", f"{totals['corrections']:,} changed something"),
        ("Kept files", size(totals["bytes"])),
    )
    return (
        f'<h2>{escape(seen.heading)}, {seen.span}</h2><dl class="rates">{_tiles(rates)}</dl>'
        f"<h2>Since the beginning</h2><dl>{_tiles(counts)}</dl>"
    )


def _tiles(tiles: Sequence[tuple[str, ...]]) -> str:
    return "".join(
        f"<div><dt>{escape(label)}</dt><dd>{escape(value)}</dd>"
        + "".join(f'<dd class="note">{escape(note)}</dd>' for note in notes)
        + "</div>"
        for label, value, *notes in tiles
    )


def _items(items: Sequence[Item], addresses: Mapping[Place, tuple[str, str]]) -> str:
    if not items:
        return '<p class="card">Nothing needs you at the moment.</p>'
    lines: list[str] = []
    for item in items:
        address, label = addresses[item.place]
        lines.append(
            f'<li class="{"urgent" if item.urgent else "calm"}"><span>{escape(item.says)}</span> '
            f'<a href="{escape(address.format(which=item.which), quote=True)}">{label}</a></li>'
        )
    return f'<ul class="card attention">{"".join(lines)}</ul>'


def _recommended(rows: Sequence[Mapping[str, Any]], principal: Principal) -> str:
    if not rows:
        return '<p class="card">Nothing at the moment. This is looked at anew each morning, and after reviews.</p>'
    address = "/admin/assets/recommendations" if principal.organization is None else "/api/v1/training/recommendations"
    lines: list[str] = []
    for row in rows:
        whose = f"{row['organization']}: " if principal.organization is None and row["organization"] else ""
        saves = (
            f"saves about {number(round(row['reviews_saved']))} looks in four weeks, " if row["reviews_saved"] else ""
        )
        effort = f"takes about {number(round(row['effort_minutes']) or 1)} min"
        lines.append(
            f'<li class="calm"><span><strong>{escape(whose + row["title"])}</strong><br>{escape(row["because"])} '
            f'<span class="quiet">({saves}{effort})</span></span></li>'
        )
    further = f'<p class="further"><a href="{address}">How to do it, and what earlier ones brought</a></p>'
    return f'<ul class="card attention">{"".join(lines)}</ul>{further}'


def _learned(found: Mapping[str, Any], principal: Principal) -> Sequence[tuple[str, ...]]:
    operator = principal.organization is None
    whose = "your own" if found["own"] else "comes with this release" if found["shipped"] else "of all who share"
    since = "" if found["promoted_at"] is None or found["shipped"] else f", since {_day(found['promoted_at'])}"
    others = [f"{found['own_champions']:,} by their own"] if operator and found["own_champions"] else []
    examples = "of all who share" if operator else "review files, then ask for one"
    if found["dataset"] is not None:
        examples = f"{counted(found['examples'], 'example')}, {_day(found['frozen_at'])}"
    return (
        ("Maps now", _numbered("Model", found["champion"]), f"{whose}{since}", *others),
        ("Tried beside it", _numbered("Model", found["challenger"])),
        ("Waits to be tried", _numbered("Model", found["candidate"])),
        ("Newest dataset", _numbered("Version", found["dataset"]), examples),
    )


def _numbered(what: str, version: int | None) -> str:
    return "–" if version is None else f"{what} {version}"


def _day(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%-d %b}"


def _share(estimate: Estimate | None) -> tuple[str, str]:
    if estimate is None:
        return "–", "nothing was reviewed yet"
    return percent(estimate.value), f"{percent(estimate.low)} to {percent(estimate.high)}"


def _mean(estimate: Estimate | None) -> tuple[str, str]:
    if estimate is None:
        return "–", "nothing was reviewed yet"
    return number(round(estimate.value, 2)), f"{number(round(estimate.low, 2))} to {number(round(estimate.high, 2))}"


def _part(part: int, whole: int, of: str) -> tuple[str, str]:
    return (percent(part / whole), f"{part:,} of {whole:,} {of}") if whole else ("–", f"no {of} yet")
