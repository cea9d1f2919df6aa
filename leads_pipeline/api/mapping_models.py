"""Routes on mapping models: what was trained, what maps now, promotion and the way back."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BaseModel, Field

from leads_pipeline.api.access import recognise
from leads_pipeline.api.guard import ADMIN
from leads_pipeline.api.problems import problems
from leads_pipeline.api.services import Bearer, Shared, administrator, authorize
from leads_pipeline.errors import NotFound
from leads_pipeline.store import champions, models, trials
from leads_pipeline.store.database import SYSTEM, SystemScope
from leads_pipeline.store.models import Model
from leads_pipeline.store.trials import Standing
from leads_pipeline.types import Actor

router = APIRouter(prefix="/models", tags=["models"])


class TrialShown(BaseModel):
    """How a model does beside another one, on uploads that people have reviewed as a whole."""

    kind: Literal["trial", "probation"] = Field(
        description="Probation: it is champion, and the one before is looked at."
    )
    against: int = Field(description="The version of the other model.")
    share: float = Field(description="Of the layouts, how many it maps for real while it is tried.")
    outcome: Literal["running", "promoted", "stopped", "rolled_back", "kept", "overtaken"]
    reviewed_uploads: int
    right_alone: int = Field(description="Columns on which it was right and the other was not.")
    wrong_alone: int = Field(description="Columns on which the other was right and it was not.")
    started_at: datetime
    ended_at: datetime | None


class ModelShown(BaseModel):
    """A mapping model. `name` is what mappings say they were made by (`model_version`)."""

    version: int
    name: str
    scope: Literal["shared", "organization"]
    status: Literal["candidate", "champion", "challenger", "retired", "rejected"]
    shipped: bool = Field(description="It comes with the release, and was trained on no dataset of this deployment.")
    dataset: int | None = Field(description="The version of the training dataset that it learned from.")
    dataset_withdrawn: bool
    seed: int | None
    metrics: dict[str, Any] = Field(description="Beside the champion of its time, on what neither was trained on.")
    reason: str | None = Field(description="Why it was rejected, or is not in use any more.")
    content_hash: str | None
    replaced: int | None = Field(description="The champion before it, which a rollback goes back to.")
    created_at: datetime
    promoted_at: datetime | None
    ended_at: datetime | None
    trial: TrialShown | None = Field(description="The newest one, if there was any; up to a minute old.")

    @classmethod
    def of(cls, model: Model, standing: Standing | None = None) -> "ModelShown":
        return cls(
            version=model.version,
            name=model.name,
            scope="shared" if model.organization_id is None else "organization",
            status=model.status,  # pyright: ignore[reportArgumentType] - the database checks it
            shipped=model.shipped,
            dataset=model.dataset_version,
            dataset_withdrawn=model.dataset_withdrawn,
            seed=model.seed,
            metrics=dict(model.metrics),
            reason=model.reason,
            content_hash=None if model.content_hash is None else model.content_hash.hex(),
            replaced=model.replaced,
            created_at=model.created_at,
            promoted_at=model.promoted_at,
            ended_at=model.ended_at,
            trial=None if standing is None else TrialShown(**asdict(standing)),
        )


class Models(BaseModel):
    """The models, newest first. `champion` is the version that maps the caller's uploads."""

    champion: int | None
    models: list[ModelShown]


class RolledBack(BaseModel):
    """Who was champion, and who is now; null: the organization is mapped by the shared champion again."""

    retired: ModelShown
    champion: ModelShown | None


def reader(request: Request, shared: Shared, credentials: Bearer) -> UUID | SystemScope:
    """A dependency: whose models the caller may see."""
    return caller_of(request, shared, credentials, "training:read")[0]


def changer(request: Request, shared: Shared, credentials: Bearer) -> tuple[UUID | SystemScope, Actor]:
    """A dependency: whose models the caller may promote, and who it is. Shared ones are for administrators."""
    return caller_of(request, shared, credentials, "schema:write")


def caller_of(request: Request, shared: Shared, credentials: Bearer, scope: str) -> tuple[UUID | SystemScope, Actor]:
    """An organization, whose token must hold `scope`, or an administrator, whose scope is the system's; and who it is."""
    principal = recognise(shared.settings, shared.database, request.scope)
    if principal is not None and principal.role == ADMIN:
        return SYSTEM, administrator(request, shared, credentials)
    caller = authorize(request, shared, credentials, scope)
    return caller.organization, caller.actor


Reader = Annotated[UUID | SystemScope, Depends(reader)]
Changer = Annotated[tuple[UUID | SystemScope, Actor], Depends(changer)]
Version = Annotated[int, Path(ge=1, le=2**31 - 1)]


@router.get("", responses=problems())
def list_models(scope: Reader, shared: Shared, limit: Annotated[int, Query(ge=1, le=200)] = 50) -> Models:
    """The organization's own models and the shared ones; for administrators, all of them."""
    with shared.database.transaction(scope) as transaction:
        found = models.models(transaction, limit=limit)
        standings = trials.standings(transaction, [model.id for model in found])
        owner = None if scope is SYSTEM else scope
        champion = models.champion(transaction, owner) or models.champion(transaction, None)
    return Models(
        champion=None if champion is None else champion.version,
        models=[ModelShown.of(model, standings.get(model.id)) for model in found],
    )


@router.post("/rollback", responses=problems(404, 409))
def roll_back(caller: Changer, shared: Shared) -> RolledBack:
    """Go back to the champion before: the organization's own, or for administrators the shared one.

    It maps the next upload and preview, in every process.
    """
    scope, actor = caller
    with shared.database.transaction(scope, by=actor) as transaction:
        before, now = champions.rollback(transaction, None if scope is SYSTEM else scope)
    return RolledBack(retired=ModelShown.of(before), champion=None if now is None else ModelShown.of(now))


@router.post("/{version}/promote", responses=problems(404, 409))
def promote(version: Version, caller: Changer, shared: Shared) -> ModelShown:
    """Make a model the champion of its scope. It maps the next upload and preview, in every process."""
    scope, actor = caller
    with shared.database.transaction(scope, by=actor) as transaction:
        model = models.any_numbered(transaction, version)
        if scope is not SYSTEM and model.organization_id != scope:
            raise NotFound(f"Your organization has no model {version} of its own; shared ones are for administrators.")
        return ModelShown.of(champions.promote(transaction, model))
