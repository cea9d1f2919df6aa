"""The instant answer: what a file would be mapped to, with nothing stored."""

from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool

from leads_pipeline.api.intake import receive_file
from leads_pipeline.api.lead_schema import current_schema
from leads_pipeline.api.models import Mappings, MappingShown
from leads_pipeline.api.problems import problems
from leads_pipeline.api.services import Caller, Services, Shared, UploadReader
from leads_pipeline.api.uploads import FILE_FORM
from leads_pipeline.defs.serving import in_service
from leads_pipeline.mapping import Memory, gate, load_model, map_sheet, memory_keys, sharable_fields
from leads_pipeline.spreadsheets import inspect, read
from leads_pipeline.store import memory, organizations

router = APIRouter(prefix="/mappings", tags=["mappings"])


@router.post("/preview", openapi_extra=FILE_FORM, responses=problems(408, 413, 415))
async def preview(
    request: Request,
    caller: UploadReader,
    shared: Shared,
    memory: Annotated[bool, Query(description="false: as the model alone maps it, without what was corrected.")] = True,
) -> Mappings:
    """What a file would be mapped to, now. Nothing is stored; what was corrected before acts."""
    with shared.workplace() as place:
        file = await receive_file(
            request, place / "upload", limit=shared.settings.max_csv_bytes, silence=shared.settings.body_timeout_seconds
        )
        return await run_in_threadpool(_preview, shared, caller, file.path, file.filename, remembers=memory)


def _preview(shared: Services, caller: Caller, path: Path, filename: str, *, remembers: bool) -> Mappings:
    inspect(path, filename, shared.limits)
    with shared.reading:
        workbook = read(path, filename, shared.limits)
    sheets = workbook.sheets if remembers else ()
    keys = [key for sheet in sheets for key in memory_keys(sheet, load_model().vocabulary)]
    with shared.database.transaction(caller.organization) as transaction:
        version, schema = current_schema(transaction)
        remembered = Memory(memory.recall(transaction, keys, sharable=sharable_fields()))
        model = in_service(transaction, caller.organization).champion
        threshold = organizations.settings_for(transaction, shared.settings).auto_apply_threshold
    return Mappings(
        mappings=[
            MappingShown.proposed(sheet, mapping, decided=gate(mapping, threshold), schema_version=version)
            for sheet in workbook.sheets
            for mapping in map_sheet(sheet, schema, model, remembered)
        ],
        warnings=[
            {"code": notice.code, "detail": notice.detail, "sheet": notice.sheet}
            for notice in (*workbook.notices, *(notice for sheet in workbook.sheets for notice in sheet.notices))
        ],
    )
