"""Routes on uploads: send a file, watch it, see its mappings, review it, map it again, delete it."""

import hashlib
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from leads_pipeline.api import idempotency
from leads_pipeline.api.idempotency import IdempotencyKey, Outcome
from leads_pipeline.api.intake import ReceivedFile, receive_file
from leads_pipeline.api.lead_schema import current_schema, require_fields, require_transforms
from leads_pipeline.api.leads import transforms_of
from leads_pipeline.api.models import (
    CorrectionShown,
    Mappings,
    MappingShown,
    ReviewKept,
    ReviewMade,
    UploadAccepted,
    UploadPage,
    UploadShown,
    warnings_of,
)
from leads_pipeline.api.problems import problems
from leads_pipeline.api.services import Absent, Caller, Corrector, IfMatch, Services, Shared, UploadReader, UploadWriter
from leads_pipeline.spreadsheets import inspect
from leads_pipeline.store import corrections, mappings, organizations, quotas, uploads
from leads_pipeline.store.database import Transaction
from leads_pipeline.vault import vault_of

router = APIRouter(prefix="/uploads", tags=["uploads"])

FILE_FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary", "description": "The spreadsheet."}},
                }
            }
        },
    }
}


@router.post(
    "",
    status_code=202,
    response_model=UploadAccepted,
    openapi_extra=FILE_FORM,
    responses={
        200: {"model": UploadAccepted, "description": "These bytes are here already"},
        **problems(408, 409, 413, 415, 503),
    },
)
async def receive(
    request: Request,
    caller: UploadWriter,
    shared: Shared,
    key: IdempotencyKey = None,
    force: Annotated[bool, Query(description="Store the file even if the same bytes are here already.")] = False,
) -> Response:
    """Keep a spreadsheet and queue it for mapping. Its bytes are durable before this answers.

    The file is the form's part named `file`: `.xlsx .xlsm .xls .xlsb .ods .csv .tsv`. Watch the address in `Location`.
    """
    known = await run_in_threadpool(idempotency.reserve, shared, caller, key, "POST /uploads")
    try:
        with shared.workplace() as place:
            file = await receive_file(
                request,
                place / "upload",
                limit=shared.settings.max_csv_bytes,
                silence=shared.settings.body_timeout_seconds,
            )
            fingerprint = await run_in_threadpool(_fingerprint, file, force=force)
            if known is not None:
                return idempotency.replay(known, fingerprint)
            return await run_in_threadpool(_store, shared, caller, key, fingerprint, file, force=force)
    except BaseException:
        if known is None:
            await run_in_threadpool(idempotency.release, shared, caller, key)
        raise


@router.get("", responses=problems())
def list_uploads(
    caller: UploadReader,
    shared: Shared,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[UUID | Absent, Query(description="The `next` of the page before.")] = None,
    status: Literal["received", "processing", "mapped", "reviewed", "failed", "erased"] | Absent = None,
    audit: Annotated[
        Literal["wanted", "done"] | Absent, Query(description="Those that were drawn at random for a full review.")
    ] = None,
) -> UploadPage:
    """Uploads, newest first."""
    with shared.database.transaction(caller.organization) as transaction:
        found = uploads.uploads(transaction, limit=limit + 1, before=cursor, status=status, audit=audit)
    page = found[:limit]
    return UploadPage(
        uploads=[UploadShown.of(upload) for upload in page], next=str(page[-1].id) if len(found) > limit else None
    )


@router.get("/{upload_id}", responses={304: {"description": "Unchanged"}, **problems(404)})
def show(upload_id: UUID, caller: UploadReader, shared: Shared, request: Request, response: Response) -> UploadShown:
    """How far an upload has come, what was found in it, and what went wrong. Its ETag changes when it does."""
    with shared.database.transaction(caller.organization) as transaction:
        found = uploads.upload(transaction, upload_id)
    response.headers["ETag"] = _etag(found)
    if request.headers.get("if-none-match") == _etag(found):
        return Response(status_code=304, headers={"ETag": _etag(found)})  # pyright: ignore[reportReturnType]
    return UploadShown.of(found)


@router.get("/{upload_id}/mappings", responses=problems(404))
def show_mappings(upload_id: UUID, caller: UploadReader, shared: Shared, response: Response) -> Mappings:
    """What each column is mapped to, with confidence, alternatives and the reason. Empty until the upload is mapped."""
    with shared.database.transaction(caller.organization) as transaction:
        found = uploads.upload(transaction, upload_id)
        rows = mappings.mappings_of(transaction, found)
        _, schema = current_schema(transaction)
    response.headers["ETag"] = _etag(found)
    shown = zip(rows, transforms_of(rows, schema), strict=True)
    return Mappings(
        mappings=[MappingShown.of(row, each) for row, each in shown],
        warnings=warnings_of(found.warnings),
        audit=found.audit,
    )


@router.post("/{upload_id}/review", response_model=ReviewKept, responses=problems(404, 409, 412))
def review(
    upload_id: UUID,
    made: ReviewMade,
    caller: Corrector,
    shared: Shared,
    if_match: IfMatch,
    key: IdempotencyKey = None,
) -> Response:
    """Say what was wrong with an upload, and what became of the rest: all confirmed, or not looked at."""

    def act(transaction: Transaction) -> Outcome:
        _, schema = current_schema(transaction)
        require_fields(schema, (correction.target for correction in made.corrections))
        require_transforms(schema, ((correction.target, correction.transform) for correction in made.corrections))
        stored = corrections.review(
            transaction,
            upload_id,
            [correction.as_correction() for correction in made.corrections],
            rest_confirmed=made.rest == "confirmed",
            single_valued=schema.single_valued,
            reviewer=made.reviewer,
            expected_version=if_match,
        )
        upload = uploads.upload(transaction, upload_id)
        body = ReviewKept(
            corrections=[CorrectionShown.of(correction) for correction in stored], upload=UploadShown.of(upload)
        )
        return Outcome(body, headers={"ETag": _etag(upload)})

    return idempotency.once(shared, caller, key, f"POST /uploads/{upload_id}/review", made, act)


@router.post("/{upload_id}/remap", status_code=202, response_model=UploadShown, responses=problems(404, 409, 410))
def remap(upload_id: UUID, caller: UploadWriter, shared: Shared, key: IdempotencyKey = None) -> Response:
    """Map an upload again, with today's lead schema, model and memory. Its answers stay in memory and act there."""

    def act(transaction: Transaction) -> Outcome:
        found = uploads.request_remap(transaction, upload_id)
        headers = {"Location": f"/api/v1/uploads/{upload_id}", "ETag": _etag(found)}
        return Outcome(UploadShown.of(found), status=202, headers=headers)

    return idempotency.once(shared, caller, key, f"POST /uploads/{upload_id}/remap", None, act)


@router.delete("/{upload_id}", status_code=204, responses=problems(404))
def delete(upload_id: UUID, caller: UploadWriter, shared: Shared) -> None:
    """Delete an upload with everything that hangs on it. What was confirmed in it alone is forgotten."""
    with shared.database.transaction(caller.organization, by=caller.actor) as transaction:
        uploads.delete(transaction, upload_id)


def _store(
    shared: Services, caller: Caller, key: str | None, fingerprint: bytes, file: ReceivedFile, *, force: bool
) -> Response:
    kind = inspect(file.path, file.filename, shared.limits)

    def is_known() -> bool:
        with shared.database.transaction(caller.organization) as transaction:
            return uploads.known_as(transaction, digest, even_if_known=force) is not None

    def act(transaction: Transaction) -> Outcome:
        received = uploads.receive(
            transaction,
            content,
            filename=file.filename,
            kind=kind,
            source="rest",
            even_if_known=force,
            digest=digest,
            staged=staged,
        )
        if received.duplicate_of is None:
            quotas.require_room(transaction, organizations.settings_for(transaction, shared.settings))
        return Outcome(
            UploadAccepted.received(received),
            status=202 if received.duplicate_of is None else 200,
            headers={"Location": f"/api/v1/uploads/{received.upload.id}", "ETag": _etag(received.upload)},
        )

    with file.path.open("rb") as content:
        digest = uploads.digest_of(content)
        vault = vault_of(shared.settings)
        with vault.staged(shared.database, caller.organization, content, needless=is_known) as staged:
            return idempotency.act_once(shared, caller, key, fingerprint, act)


def _fingerprint(file: ReceivedFile, *, force: bool) -> bytes:
    with file.path.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256")
    digest.update(f"\0{file.filename}\0{force}".encode())
    return digest.digest()


def _etag(upload: uploads.Upload) -> str:
    return f'"v{upload.version}"'
