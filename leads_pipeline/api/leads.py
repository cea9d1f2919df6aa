"""Routes on an upload's leads: the export of a file in the lead schema, and what it comes to before it is made."""

from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import chain, groupby
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import StreamingResponse

from leads_pipeline.api.lead_schema import current_schema
from leads_pipeline.api.models import LeadsChecked
from leads_pipeline.api.problems import problems
from leads_pipeline.api.services import Absent, Caller, Searched, Services, Shared, UploadReader
from leads_pipeline.errors import RequestInvalid, StaleState
from leads_pipeline.mapping import ColumnTarget, LeadSchema, Transform, leads_plan, rival, transforms
from leads_pipeline.spreadsheets import ExportPlan, check_export, export
from leads_pipeline.store import audit, mappings, uploads
from leads_pipeline.store.mappings import StoredMapping
from leads_pipeline.types import Candidate
from leads_pipeline.vault import vault_of

router = APIRouter(prefix="/uploads", tags=["uploads"])

MEDIA_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "parquet": "application/vnd.apache.parquet",
}


@dataclass(frozen=True, slots=True)
class Choices:
    """Which columns an export has, and what is done with them."""

    proposed: bool
    unmapped: bool
    transformed: bool
    originals: bool
    sheet: str | None


def choices(
    include: Annotated[
        Literal["applied", "proposed"],
        Query(description="`applied`: columns that were confirmed, or applied by the gate. `proposed`: the rest too."),
    ] = "applied",
    unmapped: Annotated[
        Literal["drop", "keep"],
        Query(description="`keep` adds the columns without a lead field under their own headers."),
    ] = "drop",
    transforms: Annotated[
        Literal["apply", "skip"],
        Query(
            description="`apply`: whole names and addresses are split, long texts merged, values of pick-lists and of consent "
            "written as the lead schema does. `skip`: cells are as they were."
        ),
    ] = "apply",
    originals: Annotated[
        Literal["keep", "drop"],
        Query(description="`keep` adds a column `<field> (original)` for cells that a transform has changed."),
    ] = "keep",
    sheet: Annotated[Searched | Absent, Query(description="Only the sheet of this name.")] = None,
) -> Choices:
    return Choices(include == "proposed", unmapped == "keep", transforms == "apply", originals == "keep", sheet)


Chosen = Annotated[Choices, Depends(choices)]


@router.get(
    "/{upload_id}/leads",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "The leads, one row each, in the lead schema",
            "content": {kind.partition(";")[0]: {} for kind in MEDIA_TYPES.values()},
        },
        **problems(404, 409, 410),
    },
)
def leads(
    upload_id: UUID,
    caller: UploadReader,
    shared: Shared,
    chosen: Chosen,
    format: Literal["csv", "xlsx", "parquet"] = "csv",  # noqa: A002 - the name that users write
) -> Response:
    """The file in the lead schema: one table over all its sheets, each lead with `_sheet` and `_row`.

    In CSV and XLSX, cells that a spreadsheet program would run as formulas begin with an apostrophe.
    """
    with ExitStack() as stack:
        planned = stack.enter_context(_planned(upload_id, caller, shared, chosen, exported_as=format))
        blocks = export(planned.path, planned.filename, planned.plan, format, shared.limits)
        # The first block is read here, so that a file that cannot be exported is a problem object, not a cut-off body.
        first = list(_first(blocks))
        keep = stack.pop_all()
    name = quote(f"{Path(planned.filename).stem}-leads.{format}")
    return StreamingResponse(
        _then_close(chain(first, blocks), keep),
        media_type=MEDIA_TYPES[format],
        headers={"Content-Disposition": f"attachment; filename*=UTF-8''{name}", "X-Content-Type-Options": "nosniff"},
    )


@router.get("/{upload_id}/leads/check", responses=problems(404, 409, 410))
def check(upload_id: UUID, caller: UploadReader, shared: Shared, chosen: Chosen) -> LeadsChecked:
    """What an export would come to, without making it: columns and rows, cells that a transform changes, and warnings about
    values that are in no pick-list and cells that are not split because it is not sure where.
    """
    with _planned(upload_id, caller, shared, chosen) as planned, shared.reading:
        found = check_export(planned.path, planned.filename, planned.plan, shared.limits)
    return LeadsChecked.of(found, planned.plan.columns)


def transforms_of(rows: Sequence[StoredMapping], schema: LeadSchema) -> list[Transform | None]:
    """What is done with the cells of each of an upload's columns, as their mappings stand."""
    found: list[Transform | None] = []
    for _, columns in groupby(map(_column, rows), key=lambda column: column.sheet_index):
        found += transforms(list(columns), schema)
    return found


def _column(row: StoredMapping) -> ColumnTarget:
    alternatives = [Candidate(each["target"], each["confidence"]) for each in row.alternatives]
    return ColumnTarget(
        row.sheet_index,
        row.column_index,
        row.header,
        row.target,
        row.applied,
        kinds=row.profile.get("kinds", {}),
        wish=row.wish,
        rival=None if row.review else rival(row.target, row.confidence, alternatives),
    )


@dataclass(frozen=True, slots=True)
class _Planned:
    """An upload's bytes in a file of their own, and how they are to be exported."""

    path: Path
    filename: str
    plan: ExportPlan


@contextmanager
def _planned(
    upload_id: UUID, caller: Caller, shared: Services, chosen: Choices, *, exported_as: str | None = None
) -> Generator[_Planned]:
    with shared.workplace() as place:
        path = place / "upload"
        with shared.database.transaction(caller.organization, by=caller.actor) as transaction:
            found = uploads.upload(transaction, upload_id)
            if found.generation == 0:
                raise StaleState(
                    f"Upload {upload_id} is {found.status}; its leads can be exported once it is mapped.",
                    code="not_mapped",
                )
            uploads.require_contents(found)
            sheets = uploads.sheets_of(transaction, found)
            rows = mappings.mappings_of(transaction, found)
            _, schema = current_schema(transaction)
            if chosen.sheet is not None:
                sheets = [candidate for candidate in sheets if candidate.name == chosen.sheet]
                if not sheets:
                    raise RequestInvalid("The file has no sheet of that name.", code="sheet_unknown")
            if exported_as is not None:
                audit.record(transaction, "leads.exported", ("upload", upload_id), details={"format": exported_as})
        vault_of(shared.settings).fetch(shared.database, caller.organization, upload_id, path)
        plan = leads_plan(
            sheets,
            [_column(row) for row in rows],
            schema,
            proposed_too=chosen.proposed,
            keep_unmapped=chosen.unmapped,
            transformed=chosen.transformed,
            keep_originals=chosen.originals,
        )
        yield _Planned(path, found.filename, plan)


def _first(blocks: Iterator[bytes]) -> Iterator[bytes]:
    block = next(blocks, None)
    if block is not None:
        yield block


def _then_close(blocks: Iterator[bytes], stack: ExitStack) -> Iterator[bytes]:
    with stack:
        yield from blocks
