"""Routes on training datasets: ask for one, see the versions, download them."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from itertools import chain
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from leads_pipeline.api import idempotency
from leads_pipeline.api.idempotency import IdempotencyKey, Outcome
from leads_pipeline.api.models import Strict
from leads_pipeline.api.problems import problems
from leads_pipeline.api.services import Absent, Analyst, Corrector, Shared
from leads_pipeline.defs.building import rows_of
from leads_pipeline.errors import InsufficientScope
from leads_pipeline.store import audit, dataset_requests, datasets, organizations
from leads_pipeline.store.database import Transaction
from leads_pipeline.store.dataset_requests import Request
from leads_pipeline.store.datasets import Dataset
from leads_pipeline.training import dataset_files
from leads_pipeline.training.dataset_files import MEDIA_TYPES, FileFormat
from leads_pipeline.training.parameters import DatasetParameters, Scope

router = APIRouter(prefix="/training", tags=["training"])

Version = Annotated[int, Path(ge=1, le=2**31 - 1)]
OfScope = Annotated[Scope, Query(description="Versions are numbered for each scope.")]


class DatasetAsked(Strict, DatasetParameters):
    """What the dataset is to hold. Everything may be left out."""


class RequestShown(BaseModel):
    """A request for a dataset, and what became of it. `version` is there when it is `done`."""

    id: UUID
    status: Literal["waiting", "running", "done", "failed"]
    status_url: str
    scope: Scope
    parameters: dict[str, Any]
    version: int | None
    unchanged: bool = Field(description="The newest version was the same already; no other was made.")
    problem: dict[str, Any] | None
    created_at: datetime
    finished_at: datetime | None

    @classmethod
    def of(cls, request: Request) -> "RequestShown":
        return cls(
            id=request.id,
            status=request.state,  # pyright: ignore[reportArgumentType] - the database checks it
            status_url=_status_url(request.id),
            scope=request.parameters.get("scope", "organization"),
            parameters=dict(request.parameters),
            version=request.dataset_version,
            unchanged=request.unchanged,
            problem=None if request.problem is None else dict(request.problem),
            created_at=request.created_at,
            finished_at=request.finished_at,
        )


class DatasetShown(BaseModel):
    """A version of a training dataset."""

    id: UUID
    scope: Scope
    version: int
    status: Literal["building", "frozen", "withdrawn", "failed"]
    withdrawn_because: str | None
    examples: int
    quality: float | None = Field(description="0 to 100; `quality_reasons` says what it lost points for.")
    quality_reasons: list[dict[str, Any]]
    splits: dict[str, int]
    content_hash: str | None
    parameters: dict[str, Any]
    created_at: datetime
    frozen_at: datetime | None

    @classmethod
    def of(cls, dataset: Dataset) -> "DatasetShown":
        return cls(**_shown(dataset))


class DatasetCard(DatasetShown):
    """A version with its card: what is in it by field, evidence and language, what was left out and why, conflicts, and
    how it differs from the version before.
    """

    counts: dict[str, Any]
    card: dict[str, Any]
    lineage: dict[str, Any]

    @classmethod
    def of(cls, dataset: Dataset) -> "DatasetCard":
        shared = dataset.organization_id is None
        # Headers that other organizations disagree about are theirs alone.
        hidden = {"conflicts"} if shared else set[str]()
        return cls(
            **_shown(dataset),
            counts={name: value for name, value in dataset.counts.items() if name not in hidden},
            card={name: value for name, value in dataset.card.items() if name not in hidden},
            lineage=dict(dataset.lineage),
        )


class Datasets(BaseModel):
    """The versions, newest first."""

    datasets: list[DatasetShown]


@router.post("/generate-dataset", status_code=202, response_model=RequestShown, responses=problems(403, 409))
def generate(made: DatasetAsked, caller: Corrector, shared: Shared, key: IdempotencyKey = None) -> Response:
    """Ask for the next version of a training dataset. `status_url` tells when it is there."""

    def act(transaction: Transaction) -> Outcome:
        if made.scope == "shared" and not organizations.organization(transaction, caller.organization).share_training:
            raise InsufficientScope(
                "A shared dataset is for organizations that share their training data; yours does not."
            )
        request = dataset_requests.ask(transaction, caller.organization, made.model_dump())
        shown = RequestShown.of(dataset_requests.get(transaction, request))
        return Outcome(shown, status=202, headers={"Location": shown.status_url})

    return idempotency.once(shared, caller, key, "POST /training/generate-dataset", made, act)


@router.get("/dataset-requests/{request_id}", responses=problems(404))
def show_request(request_id: UUID, caller: Analyst, shared: Shared) -> RequestShown:
    """What became of a request."""
    with shared.database.transaction(caller.organization) as transaction:
        return RequestShown.of(dataset_requests.get(transaction, request_id))


@router.get("/datasets", responses=problems())
def list_datasets(caller: Analyst, shared: Shared, limit: Annotated[int, Query(ge=1, le=200)] = 50) -> Datasets:
    """The organization's own versions, and the shared ones."""
    with shared.database.transaction(caller.organization) as transaction:
        found = datasets.datasets(transaction, limit=limit)
    return Datasets(datasets=[DatasetShown.of(dataset) for dataset in found])


@router.get("/datasets/{version}", responses=problems(404))
def show_dataset(version: Version, caller: Analyst, shared: Shared, scope: OfScope = "organization") -> DatasetCard:
    """A version with its card."""
    with shared.database.transaction(caller.organization) as transaction:
        return DatasetCard.of(
            datasets.dataset_numbered(transaction, None if scope == "shared" else caller.organization, version)
        )


@router.get(
    "/datasets/{version}/download",
    response_class=StreamingResponse,
    responses={
        200: {"description": "The file", "content": {kind: {} for kind in sorted(set(MEDIA_TYPES.values()))}},
        **problems(403, 404, 409, 410),
    },
)
def download(
    version: Version,
    caller: Analyst,
    shared: Shared,
    format: Annotated[  # noqa: A002 - the name that users write
        FileFormat, Query(description="`chat` and `preference` are for fine-tuning services, the training split alone.")
    ] = "jsonl",
    split: Literal["train", "validation", "test"] | Absent = None,
    scope: OfScope = "organization",
) -> Response:
    """A version as a file. The same version is the same file, to the byte, as long as it is in force."""
    if scope == "shared":
        raise InsufficientScope(
            "Shared versions hold columns of several organizations; operators download them with `leads dataset download`."
        )
    # Noted in a transaction of its own: whoever hangs up in the middle has had a part.
    with shared.database.transaction(caller.organization, by=caller.actor) as transaction:
        found = datasets.dataset_numbered(transaction, caller.organization, version)
        datasets.require_in_force(found)
        audit.record(
            transaction, "dataset.downloaded", ("dataset", found.id), details={"version": version, "format": format}
        )
    with ExitStack() as stack:
        transaction = stack.enter_context(shared.database.transaction(caller.organization))
        dataset_files.require_enough(found.counts, format, split)
        blocks = dataset_files.write(rows_of(transaction, found.id), format, split=split)
        # The first block is read here, so that what goes wrong is a problem object, not a cut-off body.
        first = next(blocks, b"")
        keep = stack.pop_all()
    extension = "parquet" if format == "parquet" else "jsonl"
    name = f"training-dataset-{version}{'' if format in ('jsonl', 'parquet') else '-' + format}.{extension}"
    return StreamingResponse(
        _then_close(chain((first,), blocks), keep),
        media_type=MEDIA_TYPES[format],
        headers={"Content-Disposition": f'attachment; filename="{name}"', "X-Content-Type-Options": "nosniff"},
    )


def _shown(dataset: Dataset) -> dict[str, Any]:
    return {
        "id": dataset.id,
        "scope": "shared" if dataset.organization_id is None else "organization",
        "version": dataset.version,
        "status": dataset.status,
        "withdrawn_because": dataset.withdrawn_because,
        "examples": dataset.example_count,
        "quality": dataset.quality_score,
        "quality_reasons": [dict(reason) for reason in dataset.quality_reasons],
        "splits": dataset.counts.get("splits", {}),
        "content_hash": None if dataset.content_hash is None else dataset.content_hash.hex(),
        "parameters": dict(dataset.parameters),
        "created_at": dataset.created_at,
        "frozen_at": dataset.frozen_at,
    }


def _status_url(request: UUID) -> str:
    return f"/api/v1/training/dataset-requests/{request}"


def _then_close(blocks: Iterator[bytes], stack: ExitStack) -> Iterator[bytes]:
    with stack:
        yield from blocks
