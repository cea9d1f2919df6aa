"""Routes on erasure: ask for it, see what became of it. An organization asks in its own data; an administrator in everybody's,
and for the end of an organization.
"""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, Field, StringConstraints

from leads_pipeline.api.models import Strict
from leads_pipeline.api.problems import problems
from leads_pipeline.api.services import Reach, Shared, reaching
from leads_pipeline.errors import InsufficientScope, NotFound, RequestInvalid
from leads_pipeline.spreadsheets import person, person_to_json
from leads_pipeline.store import erasures, organizations, uploads
from leads_pipeline.store.database import SYSTEM, Transaction
from leads_pipeline.store.erasures import Erasure

router = APIRouter(prefix="/erasures", tags=["erasures"])

Identifier = Annotated[str, StringConstraints(min_length=1, max_length=254, pattern=r"^[^\x00]*$")]


class ErasureAsked(Strict):
    """What is to be forgotten. A `person` by `email`, `phone` or both; an `upload` by `upload_id`; an `organization` by
    `organization_id`, which takes an administrator.
    """

    kind: Literal["person", "upload", "organization"]
    email: list[Identifier] | Identifier | None = Field(
        None, description="Of the person; several of the same are a list."
    )
    phone: list[Identifier] | Identifier | None = Field(
        None, description="Of the person, best with its country: `+49 30 901820`."
    )
    names: list[Identifier] = Field(
        [],
        max_length=20,
        description="What the person is called: taken out of comments, headers and file names, too. No file goes for a name.",
    )
    upload_id: UUID | None = None
    organization_id: UUID | None = Field(
        None,
        description="The organization that ends; for a person, an administrator may name whose data is looked through.",
    )
    dry_run: bool = Field(default=False, description="Look, and tell what would go; erase nothing.")


class ErasureShown(BaseModel):
    """An erasure: how far it has come, and its certificate once it is `done`."""

    id: UUID
    status: Literal["waiting", "running", "done", "failed"]
    status_url: str
    kind: Literal["person", "upload", "organization"]
    dry_run: bool
    organization_id: UUID | None
    subject_hash: str = Field(description="A keyed hash of whom or what it is about. Nothing else of it is kept.")
    counts: dict[str, int] = Field(description="What was looked at, and what was erased.")
    datasets: list[str] = Field(description="Versions of training datasets that held its examples: withdrawn.")
    models: list[str] = Field(description="Models that had learned from those: withdrawn, and trained again without.")
    erased_uploads: list[str] = Field(description="Up to 100 uploads that lost their contents.")
    not_looked_through_uploads: list[str] = Field(description="Up to 100 uploads whose contents could not be read.")
    not_fully_searched_uploads: dict[str, int] = Field(
        description="Up to 100 uploads that were looked through and kept, with the pictures in each, whose text is not read."
    )
    tables_not_rewritten: list[str] = Field(
        description="Tables too large or too busy to be rewritten: their free space keeps what was deleted until it is used."
    )
    problem: dict[str, Any] | None
    created_at: datetime
    finished_at: datetime | None

    @classmethod
    def of(cls, erasure: Erasure) -> "ErasureShown":
        outcome = erasure.outcome
        return cls(
            id=erasure.id,
            status=erasure.state,
            status_url=f"/api/v1/erasures/{erasure.id}",
            kind=erasure.kind,
            dry_run=erasure.dry_run,
            organization_id=erasure.organization_id,
            subject_hash=erasure.subject_hash.hex(),
            counts={name: value for name, value in outcome.items() if isinstance(value, int)},
            datasets=outcome.get("datasets", []),
            models=outcome.get("models", []),
            erased_uploads=outcome.get("erased_uploads", []),
            not_looked_through_uploads=outcome.get("not_looked_through_uploads", []),
            not_fully_searched_uploads=outcome.get("not_fully_searched_uploads", {}),
            tables_not_rewritten=outcome.get("tables_not_rewritten", []),
            problem=None if erasure.problem is None else dict(erasure.problem),
            created_at=erasure.created_at,
            finished_at=erasure.finished_at,
        )


class ErasureList(BaseModel):
    """Erasures, newest first."""

    erasures: list[ErasureShown]


Asking = Annotated[Reach, Depends(reaching("erasures:write"))]


@router.post("", status_code=202, responses=problems(404))
def ask(asked: ErasureAsked, asking: Asking, shared: Shared, response: Response) -> ErasureShown:
    """Ask for an erasure. `status_url` tells when it is done; whoever asks for the same meanwhile is told of this one."""
    with shared.database.transaction(SYSTEM, by=asking.actor) as transaction:
        organization, subject = _subject(transaction, asked, asking)
        erasure = erasures.ask(transaction, organization, asked.kind, subject, dry_run=asked.dry_run)
        shown = ErasureShown.of(erasures.get(transaction, erasure))
    response.headers["Location"] = shown.status_url
    return shown


@router.get("", responses=problems())
def list_erasures(asking: Asking, shared: Shared, limit: Annotated[int, Query(ge=1, le=200)] = 50) -> ErasureList:
    """What was erased, newest first."""
    with shared.database.transaction(asking.scope) as transaction:
        found = erasures.newest(transaction, limit=limit)
    return ErasureList(erasures=[ErasureShown.of(erasure) for erasure in found])


@router.get("/{erasure_id}", responses=problems(404))
def show(erasure_id: UUID, asking: Asking, shared: Shared) -> ErasureShown:
    """How far an erasure has come, and its certificate."""
    with shared.database.transaction(asking.scope) as transaction:
        return ErasureShown.of(erasures.get(transaction, erasure_id))


def _subject(transaction: Transaction, asked: ErasureAsked, asking: Reach) -> tuple[UUID | None, dict[str, Any]]:
    """In whose data, and what. Raises `NotFound` for what is not there or somebody else's."""
    own = asking.scope if isinstance(asking.scope, UUID) else None
    if own is not None and asked.organization_id not in (None, own):
        raise NotFound(f"There is no organization {asked.organization_id}.")
    if asked.kind == "organization":
        if own is not None:
            raise InsufficientScope("The end of an organization takes an administrator.")
        if asked.organization_id is None:
            raise RequestInvalid("Say which `organization_id`.", code="identifier_missing")
        found = organizations.organization(transaction, asked.organization_id)
        return found.id, {"name": found.name}
    if asked.kind == "upload":
        if asked.upload_id is None:
            raise RequestInvalid("Say which `upload_id`.", code="identifier_missing")
        owner = uploads.owner_of(transaction, asked.upload_id)
        if owner is None or (own or asked.organization_id or owner) != owner:
            raise NotFound(f"There is no upload {asked.upload_id}.")
        return owner, {"upload": str(asked.upload_id)}
    wanted = person(_listed(asked.email), _listed(asked.phone), asked.names)
    if own is None and asked.organization_id is not None:
        return organizations.organization(transaction, asked.organization_id).id, person_to_json(wanted)
    return own, person_to_json(wanted)


def _listed(given: list[str] | str | None) -> list[str]:
    return [] if given is None else [given] if isinstance(given, str) else given
