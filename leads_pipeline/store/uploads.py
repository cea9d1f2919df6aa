"""Received files: their facts, their bytes, and the sheets found in them."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import IO, Any, Literal
from uuid import UUID

from leads_pipeline.errors import NotFound, StaleState
from leads_pipeline.store import audit, contents, corrections, memory
from leads_pipeline.store.contents import CHUNK_BYTES, Staged
from leads_pipeline.store.database import Transaction, as_json
from leads_pipeline.store.ids import new_id
from leads_pipeline.types import Notice, Sheet

Source = Literal["rest", "inbox"]


@dataclass(frozen=True, slots=True)
class Upload:
    """The facts about a received file. `version` rises with every visible change; `generation` numbers its mappings."""

    id: UUID
    filename: str
    kind: str
    size_bytes: int
    source: str
    status: str
    problem: Mapping[str, Any] | None
    warnings: Sequence[Mapping[str, Any]]
    version: int
    generation: int
    sheet_count: int
    row_count: int
    column_count: int
    mapped_count: int
    decided_count: int
    reviewed_count: int
    corrected_count: int
    received_at: datetime
    mapped_at: datetime | None
    reviewed_at: datetime | None
    contents_deleted_at: datetime | None
    audit_share: float | None

    @property
    def audit(self) -> Literal["wanted", "done"] | None:
        """Whether it was drawn at random, to be reviewed as a whole, and whether that was done; None when it was not, or
        nothing is left to look at.
        """
        if self.audit_share is None or self.status == "erased":
            return None
        return "done" if self.status == "reviewed" else "wanted"


@dataclass(frozen=True, slots=True)
class Received:
    """A file that was stored. `duplicate_of` is an earlier upload with the same bytes, when that was answered instead."""

    upload: Upload
    duplicate_of: UUID | None = None


@dataclass(frozen=True, slots=True)
class Digest:
    """What tells a file's bytes from others: SHA-256 (32 bytes) and size."""

    sha256: bytes
    size: int


def receive(
    transaction: Transaction,
    content: IO[bytes],
    *,
    filename: str,
    kind: str,
    source: Source,
    source_key: str | None = None,
    even_if_known: bool = False,
    digest: Digest | None = None,
    staged: Staged | None = None,
) -> Received:
    """Store a file and ask for its mapping, in one transaction: its bytes are durable when that commits.

    The same bytes in the same organization are not stored twice unless `even_if_known`; `source_key` names an inbox
    file, and whatever was taken in under it already is returned as it is. `staged` says how the bytes are kept: as they
    are, in PostgreSQL, unless given; `digest` is taken unless given.
    """
    digest = digest or digest_of(content)
    staged = staged or Staged()
    if known := known_as(transaction, digest, source_key=source_key, even_if_known=even_if_known):
        return known
    upload_id = staged.upload_id
    transaction.run(
        """INSERT INTO file_uploads (id, organization_id, filename, kind, size_bytes, sha256, source, source_key)
           VALUES (:id, :organization, :filename, :kind, :size, :sha256, :source, :source_key)""",
        id=upload_id,
        organization=transaction.organization,
        filename=filename,
        kind=kind,
        size=digest.size,
        sha256=digest.sha256,
        source=source,
        source_key=source_key,
    )
    contents.keep(transaction, content, staged)
    _request(transaction, upload_id, "map")
    audit.record(
        transaction,
        "upload.received",
        ("upload", upload_id),
        details={"kind": kind, "size_bytes": digest.size, "source": source},
    )
    return Received(upload(transaction, upload_id))


def known_as(
    transaction: Transaction, digest: Digest, *, source_key: str | None = None, even_if_known: bool = False
) -> Received | None:
    """What `receive` answers without storing anything; None when it would store the file."""
    if source_key is not None and (known := _by_source_key(transaction, source_key)):
        return Received(known)
    if not even_if_known and (known := _by_bytes(transaction, digest.sha256)):
        return Received(known, duplicate_of=known.id)
    return None


def digest_kept(transaction: Transaction, upload_id: UUID) -> bytes:
    """The SHA-256 by which an upload's bytes are known."""
    digest = transaction.value(
        "SELECT sha256 FROM file_uploads WHERE organization_id = :organization AND id = :id",
        organization=transaction.organization,
        id=upload_id,
    )
    return bytes(digest)


def digest_of(content: IO[bytes]) -> Digest:
    content.seek(0)
    digest = hashlib.sha256()
    while block := content.read(CHUNK_BYTES):
        digest.update(block)
    return Digest(digest.digest(), content.tell())


def upload(transaction: Transaction, upload_id: UUID, *, for_update: bool = False) -> Upload:
    """Raises `NotFound` for an id that is not this organization's."""
    row = transaction.first(
        f"SELECT {_FIELDS} FROM file_uploads WHERE organization_id = :organization AND id = :id"
        + (" FOR UPDATE" if for_update else ""),
        organization=transaction.organization,
        id=upload_id,
    )
    if row is None:
        raise NotFound(f"There is no upload {upload_id}.")
    return Upload(**row)


def owner_of(transaction: Transaction, upload_id: UUID) -> UUID | None:
    """Whose upload it is; None for an id that no upload has. Needs the system's scope to see those of all."""
    return transaction.value("SELECT organization_id FROM file_uploads WHERE id = :id", id=upload_id)


def uploads(
    transaction: Transaction,
    *,
    limit: int,
    before: UUID | None = None,
    status: str | None = None,
    audit: Literal["wanted", "done"] | None = None,
) -> list[Upload]:
    """The newest uploads first; `before` is the id of the last one on the page before."""
    rows = transaction.all(
        f"""SELECT {_FIELDS} FROM file_uploads
            WHERE organization_id = :organization
              AND (CAST(:before AS uuid) IS NULL OR id < :before)
              AND (CAST(:status AS text) IS NULL OR {_STATUS} = :status)
              AND (CAST(:audit AS text) IS NULL OR (audit_share IS NOT NULL AND {_STATUS} = :audit))
            ORDER BY id DESC LIMIT :limit""",
        organization=transaction.organization,
        before=before,
        status=status,
        audit=None if audit is None else {"wanted": "mapped", "done": "reviewed"}[audit],
        limit=limit,
    )
    return [Upload(**row) for row in rows]


def request_remap(transaction: Transaction, upload_id: UUID) -> Upload:
    """Ask for the upload to be mapped again, with today's schema, model and memory.

    Raises `StaleState` when a mapping is under way, or the contents are gone.
    """
    found = upload(transaction, upload_id, for_update=True)
    require_contents(found)
    if transaction.value(
        "SELECT 1 FROM processing_jobs WHERE upload_id = :id AND state IN ('waiting', 'running')", id=upload_id
    ):
        raise StaleState(f"Upload {upload_id} is being mapped already; wait until it is.", code="mapping_under_way")
    _request(transaction, upload_id, "remap")
    transaction.run(
        "UPDATE file_uploads SET status = 'received', problem = NULL, version = version + 1 WHERE id = :id",
        id=upload_id,
    )
    audit.record(transaction, "upload.remapped", ("upload", upload_id))
    return upload(transaction, upload_id)


def delete(transaction: Transaction, upload_id: UUID) -> None:
    """Delete an upload with everything that hangs on it: bytes, sheets, jobs, mappings, corrections, and what these
    taught memory.
    """
    if not transaction.run(
        "SELECT FROM file_uploads WHERE organization_id = :organization AND id = :id FOR UPDATE",
        organization=transaction.organization,
        id=upload_id,
    ):
        raise NotFound(f"There is no upload {upload_id}.")
    answered = corrections.answers_in(transaction, upload_id)
    transaction.run(
        "DELETE FROM file_uploads WHERE organization_id = :organization AND id = :id",
        organization=transaction.organization,
        id=upload_id,
    )
    memory.change(transaction, before=answered, after=())
    audit.record(transaction, "upload.deleted", ("upload", upload_id), details={"answers": len(answered)})


def require_contents(found: Upload) -> None:
    """Raise `StaleState` (410) when the file's bytes have been deleted."""
    if found.contents_deleted_at is not None:
        raise StaleState(
            f"The contents of upload {found.id} were deleted on {found.contents_deleted_at:%Y-%m-%d}; "
            "its mappings are kept.",
            code="content_expired",
            status=410,
            title="The contents are gone",
        )


# --- Sheets --------------------------------------------------------------------------------------------------------


def save_sheets(
    transaction: Transaction, upload_id: UUID, generation: int, sheets: Sequence[tuple[Sheet, str]]
) -> None:
    """Store what the reader found, without the columns, which are in the mappings; each sheet with its language."""
    transaction.run(
        """INSERT INTO sheets (upload_id, organization_id, generation, sheet_index, name, header_row, row_count,
                               column_count, warnings, layout, language)
           SELECT :upload, :organization, :generation, sheet_index, name, header_row, row_count, column_count, warnings,
                  layout, language
           FROM jsonb_to_recordset(CAST(:sheets AS jsonb)) AS s (sheet_index integer, name text, header_row integer,
                row_count bigint, column_count integer, warnings jsonb, layout jsonb, language text)""",
        upload=upload_id,
        organization=transaction.organization,
        generation=generation,
        sheets=as_json(
            [
                {
                    "sheet_index": sheet.index,
                    "name": sheet.name,
                    "header_row": sheet.header_row,
                    "row_count": sheet.rows,
                    "column_count": len(sheet.columns),
                    "warnings": [asdict(notice) for notice in sheet.notices],
                    "layout": dict(sheet.layout),
                    "language": language,
                }
                for sheet, language in sheets
            ]
        ),
    )


def sheets_of(transaction: Transaction, found: Upload) -> list[Sheet]:
    """The sheets of the upload's present generation, in order, without their columns."""
    rows = transaction.all(
        """SELECT sheet_index, name, header_row, row_count, warnings, layout FROM sheets
           WHERE organization_id = :organization AND upload_id = :id AND generation = :generation ORDER BY sheet_index""",
        organization=transaction.organization,
        id=found.id,
        generation=found.generation,
    )
    return [
        Sheet(
            index=row["sheet_index"],
            name=row["name"],
            header_row=row["header_row"],
            columns=(),
            rows=row["row_count"],
            notices=tuple(Notice(**notice) for notice in row["warnings"]),
            layout=row["layout"],
        )
        for row in rows
    ]


_STATUS = "CASE WHEN erased_at IS NULL THEN status ELSE 'erased' END"
_FIELDS = f"""id, filename, kind, size_bytes, source, {_STATUS} AS status, problem, warnings, version, generation, sheet_count,
    row_count, column_count, mapped_count, decided_count, reviewed_count, corrected_count, received_at, mapped_at,
    reviewed_at, contents_deleted_at, audit_share"""


def _by_bytes(transaction: Transaction, digest: bytes) -> Upload | None:
    row = transaction.first(
        f"""SELECT {_FIELDS} FROM file_uploads WHERE organization_id = :organization AND sha256 = :sha256
            AND contents_deleted_at IS NULL ORDER BY id LIMIT 1""",
        organization=transaction.organization,
        sha256=digest,
    )
    return None if row is None else Upload(**row)


def _by_source_key(transaction: Transaction, source_key: str) -> Upload | None:
    row = transaction.first(
        f"SELECT {_FIELDS} FROM file_uploads WHERE organization_id = :organization AND source_key = :key",
        organization=transaction.organization,
        key=source_key,
    )
    return None if row is None else Upload(**row)


def _request(transaction: Transaction, upload_id: UUID, kind: Literal["map", "remap"]) -> None:
    transaction.run(
        "INSERT INTO processing_jobs (id, organization_id, upload_id, kind) VALUES (:id, :organization, :upload, :kind)",
        id=new_id(),
        organization=transaction.organization,
        upload=upload_id,
        kind=kind,
    )
