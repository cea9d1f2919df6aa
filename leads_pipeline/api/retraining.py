"""Routes to ask for a mapping model, and to see what became of it. An organization asks for its own, an administrator for the
shared one.
"""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from fastapi import Request as HttpRequest
from pydantic import BaseModel, Field

from leads_pipeline.api.mapping_models import Reader, caller_of
from leads_pipeline.api.models import Strict
from leads_pipeline.api.problems import problems
from leads_pipeline.api.services import Bearer, Shared
from leads_pipeline.store import model_requests
from leads_pipeline.store.database import SYSTEM, SystemScope
from leads_pipeline.store.model_requests import Request
from leads_pipeline.types import Actor

router = APIRouter(prefix="/training", tags=["training"])


class ModelAsked(Strict):
    """What the model is to learn from. Everything may be left out."""

    dataset: int | None = Field(
        None,
        strict=True,
        ge=1,
        le=2**31 - 1,
        description="The version of the training dataset; left out: the newest in force.",
    )


class ModelRequestShown(BaseModel):
    """A request for a model, and what became of it. `model` is there when it is `done`."""

    id: UUID
    status: Literal["waiting", "running", "done", "failed"]
    status_url: str
    scope: Literal["shared", "organization"]
    dataset: int | None = Field(description="The version that was asked for, null for the newest.")
    model: int | None = Field(description="The version that was trained; `GET /models` tells how it compares.")
    model_status: Literal["candidate", "champion", "challenger", "retired", "rejected"] | None
    reason: str | None = Field(description="Why no model was trained, or why this one was rejected or retired.")
    problem: dict[str, Any] | None
    created_at: datetime
    finished_at: datetime | None

    @classmethod
    def of(cls, request: Request) -> "ModelRequestShown":
        problem = None if request.problem is None else dict(request.problem)
        return cls(
            id=request.id,
            status=request.state,  # pyright: ignore[reportArgumentType] - the database checks it
            status_url=f"/api/v1/training/model-requests/{request.id}",
            scope="shared" if request.owner is None else "organization",
            dataset=request.dataset,
            model=request.model,
            model_status=request.model_status,  # pyright: ignore[reportArgumentType] - the same
            reason=request.reason if problem is None else problem["detail"],
            problem=problem,
            created_at=request.created_at,
            finished_at=request.finished_at,
        )


def trainer(request: HttpRequest, shared: Shared, credentials: Bearer) -> tuple[UUID | SystemScope, Actor]:
    """A dependency: whose model the caller may have trained, and who it is."""
    return caller_of(request, shared, credentials, "corrections:write")


Trainer = Annotated[tuple[UUID | SystemScope, Actor], Depends(trainer)]


@router.post("/retrain", status_code=202, responses=problems())
def retrain(made: ModelAsked, caller: Trainer, shared: Shared, response: Response) -> ModelRequestShown:
    """Have a model trained from a dataset: the organization's own, or for administrators the shared one.

    `status_url` tells what became of it: a candidate, a rejected model with the reason, or why none was trained. Who asks
    for the same before it has begun is told of this request. Nothing maps by it until it is promoted.
    """
    scope, actor = caller
    with shared.database.transaction(scope, by=actor) as transaction:
        request = model_requests.ask(transaction, None if scope is SYSTEM else scope, made.dataset)
        shown = ModelRequestShown.of(model_requests.get(transaction, request))
    response.headers["Location"] = shown.status_url
    return shown


@router.get("/model-requests/{request_id}", responses=problems(404))
def show_request(request_id: UUID, scope: Reader, shared: Shared) -> ModelRequestShown:
    """What became of a request."""
    with shared.database.transaction(scope) as transaction:
        return ModelRequestShown.of(model_requests.get(transaction, request_id))
