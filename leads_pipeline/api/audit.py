"""Routes on the audit trail: an organization sees its own events; an administrator sees all."""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, BeforeValidator, Field, StringConstraints

from leads_pipeline.api.problems import problems
from leads_pipeline.api.services import Absent, Reach, Services, Shared, reaching
from leads_pipeline.store import audit

router = APIRouter(prefix="/audit", tags=["audit"])

JSON_LINES = "application/x-ndjson"


def _written_out(value: Any) -> Any:
    """Refuse seconds since 1970: they are hardly ever meant, and OpenAPI promises a date with a time."""
    if isinstance(value, str) and not value[4:5] == "-":
        raise ValueError("say a date and a time, such as 2026-01-31T00:00:00Z")
    return value


Since = Annotated[datetime | Absent, BeforeValidator(_written_out), Query(description="Only what was done since then.")]


Looking = Annotated[Reach, Depends(reaching("audit:read"))]
Organization = Annotated[UUID | Absent, Query(description="For administrators: only this organization's events.")]


class EventShown(BaseModel):
    """Who did what to what, when, from where. Free of personal data."""

    id: UUID
    organization_id: UUID | None
    happened_at: datetime
    actor: dict[str, str] = Field(
        description="`kind` is `token` (`name`: its prefix), `person` (a pseudonym), `operator` (the command line), "
        "`dagster`, `system` or `nobody`."
    )
    action: str = Field(description="What was done, as `upload.received`.")
    object: dict[str, str] | None
    network: str | None = Field(description="A keyed hash of the network that the request came from.")
    details: dict[str, Any]
    seal: dict[str, Any] | None = Field(description="The place in the chain, and its hash; null for up to a second.")


class EventPage(BaseModel):
    """Events, newest first. `next` is the cursor of the next page, null on the last."""

    events: list[EventShown]
    next: str | None


@router.get("", responses=problems())
def list_events(
    looking: Looking,
    shared: Shared,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[UUID | Absent, Query(description="The `next` of the page before.")] = None,
    action: Annotated[
        Annotated[str, StringConstraints(pattern=r"^[a-z_]+(\.[A-Za-z_]+)?$", max_length=80)] | Absent,
        Query(description="Only this, `upload.received`; or `upload` for all that is done to uploads."),
    ] = None,
    organization: Organization = None,
) -> EventPage:
    """What was done, newest first."""
    with shared.database.transaction(looking.scope) as transaction:
        found = audit.events(transaction, limit=limit + 1, before=cursor, organization=organization, action=action)
    page = found[:limit]
    return EventPage(
        events=[EventShown(**event.as_json()) for event in page], next=str(page[-1].id) if len(found) > limit else None
    )


@router.get(
    "/export",
    response_class=StreamingResponse,
    responses={200: {"description": "One event a line, oldest first", "content": {JSON_LINES: {}}}, **problems()},
)
def export(
    looking: Looking,
    shared: Shared,
    since: Since = None,
    organization: Organization = None,
) -> Response:
    """All events as JSON lines, oldest first, each with its place in the chain and its hash."""
    with shared.database.transaction(looking.scope, by=looking.actor) as transaction:
        audit.record(transaction, "audit.exported", organization=organization)
    return StreamingResponse(
        _lines(shared, looking, organization, since),
        media_type=JSON_LINES,
        headers={"Content-Disposition": 'attachment; filename="audit.jsonl"'},
    )


def _lines(shared: Services, looking: Reach, organization: UUID | None, since: datetime | None) -> Iterator[bytes]:
    with shared.database.transaction(looking.scope) as transaction:
        for event in audit.every_event(transaction, organization=organization, since=since):
            yield event.as_line().encode()
