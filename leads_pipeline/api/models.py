"""The JSON that requests carry and answers show. Things may be added here, not renamed."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from leads_pipeline.mapping import FieldType
from leads_pipeline.store.corrections import Correction, StoredCorrection
from leads_pipeline.store.mappings import StoredMapping
from leads_pipeline.store.uploads import Received, Upload
from leads_pipeline.types import Mapping as Proposal
from leads_pipeline.types import Sheet

# A NUL cannot be stored by PostgreSQL, and no text of a person needs one.
Text = Annotated[str, StringConstraints(pattern=r"^[^\x00]*$")]


class Strict(BaseModel):
    """A request: a member that we do not know is an error, not a surprise."""

    model_config = ConfigDict(extra="forbid")


class UploadShown(BaseModel):
    """A received file, and how far it has come."""

    id: UUID
    status: Literal["received", "processing", "mapped", "reviewed", "failed", "erased"]
    filename: str
    kind: str
    size_bytes: int
    source: str
    problem: dict[str, Any] | None
    warnings: list[dict[str, Any]]
    sheets: int
    rows: int
    columns: int
    mapped: int = Field(description="Columns with a lead field.")
    decided: int = Field(description="Columns that needed no person.")
    reviewed: int = Field(description="Columns that a person confirmed or corrected.")
    corrections: int = Field(description="Columns whose answer differs from the proposal.")
    version: int
    received_at: datetime
    mapped_at: datetime | None
    reviewed_at: datetime | None
    contents_deleted_at: datetime | None

    @classmethod
    def of(cls, upload: Upload) -> "UploadShown":
        return cls(**_shown(upload))


class UploadAccepted(UploadShown):
    """The answer to an upload. `duplicate_of` is set when the same bytes are here already, and nothing was stored."""

    duplicate_of: UUID | None = None

    @classmethod
    def received(cls, received: Received) -> "UploadAccepted":
        return cls(**_shown(received.upload), duplicate_of=received.duplicate_of)


class UploadPage(BaseModel):
    """Uploads, newest first. `next` is the `cursor` of the next page, null on the last."""

    uploads: list[UploadShown]
    next: str | None


class MappingShown(BaseModel):
    """What one column is mapped to. `target` is what counts now, null for "no target"; `predicted` what was proposed."""

    id: UUID | None
    sheet: str
    sheet_index: int
    index: int
    header: str
    target: str | None
    confidence: float = Field(ge=0, le=100)
    method: Literal["memory", "model", "llm", "rule"]
    applied: bool
    review: Literal["confirmed", "corrected", "unseated"] | None
    predicted: str | None
    alternatives: list[dict[str, Any]]
    explanation: str
    transform: dict[str, Any] | None
    sample_shapes: list[str]
    filled: int
    rows: int
    schema_version: int

    @classmethod
    def of(cls, mapping: StoredMapping) -> "MappingShown":
        return cls(
            id=mapping.id,
            sheet=mapping.sheet,
            sheet_index=mapping.sheet_index,
            index=mapping.column_index,
            header=mapping.header,
            target=mapping.target,
            confidence=mapping.confidence,
            method=mapping.method,  # pyright: ignore[reportArgumentType] - the database checks it
            applied=mapping.applied,
            review=mapping.review,  # pyright: ignore[reportArgumentType] - the database checks it
            predicted=mapping.predicted,
            alternatives=[dict(candidate) for candidate in mapping.alternatives],
            explanation=mapping.explanation,
            transform=None if mapping.transform is None else dict(mapping.transform),
            sample_shapes=list(mapping.profile.get("shapes", ())),
            filled=mapping.profile.get("filled", 0),
            rows=mapping.profile.get("rows", 0),
            schema_version=mapping.schema_version,
        )

    @classmethod
    def proposed(cls, sheet: Sheet, mapping: Proposal, *, decided: bool, schema_version: int) -> "MappingShown":
        """A mapping that is not stored."""
        profile = sheet.columns[mapping.index].profile
        return cls(
            id=None,
            sheet=sheet.name,
            sheet_index=sheet.index,
            index=mapping.index,
            header=mapping.header,
            target=mapping.target,
            confidence=mapping.confidence,
            method=mapping.method.value,
            applied=decided and mapping.target is not None,
            review=None,
            predicted=mapping.target,
            alternatives=[
                {"target": candidate.target, "confidence": candidate.confidence} for candidate in mapping.alternatives
            ],
            explanation=mapping.explanation,
            transform=None if mapping.transform is None else dict(mapping.transform),
            sample_shapes=list(profile.shapes),
            filled=profile.filled,
            rows=profile.rows,
            schema_version=schema_version,
        )


class Mappings(BaseModel):
    """All mappings of a file, by sheet and column. Never paged."""

    mappings: list[MappingShown]
    warnings: list[dict[str, Any]] = []


class CorrectionMade(Strict):
    """An answer about one mapping. The same target as predicted confirms; null says that there is none."""

    mapping_id: UUID
    target: Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[^\x00]*$")] | None
    comment: Annotated[Text, Field(max_length=2000)] | None = None
    reviewer: Annotated[Text, Field(max_length=200)] | None = Field(
        None, description="A pseudonym of who answered; no name or address, please."
    )

    def as_correction(self) -> Correction:
        return Correction(self.mapping_id, self.target, self.comment, self.reviewer)


class CorrectionsMade(Strict):
    """A batch of answers: all are kept, or none."""

    corrections: list[CorrectionMade] = Field(min_length=1, max_length=1000)


class ReviewMade(Strict):
    """A person's word on a whole upload: what was wrong, and what became of the rest."""

    corrections: list[CorrectionMade] = Field(default=[], max_length=10_000)
    rest: Literal["confirmed", "unreviewed"]
    reviewer: Annotated[Text, Field(max_length=200)] | None = None


class CorrectionShown(BaseModel):
    """A kept answer. `unseated` names the mappings that lost their single-valued field to it."""

    id: UUID
    mapping_id: UUID
    upload_id: UUID
    kind: Literal["confirmed", "corrected"]
    predicted: str | None
    target: str | None
    unseated: list[UUID]

    @classmethod
    def of(cls, stored: StoredCorrection) -> "CorrectionShown":
        return cls(
            id=stored.id,
            mapping_id=stored.mapping_id,
            upload_id=stored.upload_id,
            kind=stored.kind,  # pyright: ignore[reportArgumentType] - the store makes no other here
            predicted=stored.predicted,
            target=stored.target,
            unseated=list(stored.unseated),
        )


class CorrectionsKept(BaseModel):
    corrections: list[CorrectionShown]


class ReviewKept(CorrectionsKept):
    upload: UploadShown


class UndoKept(BaseModel):
    """What taking an answer back has changed."""

    id: UUID
    mappings: list[UUID]


class SchemaShown(BaseModel):
    """An organization's lead schema. Version 0 is the default one."""

    version: int
    fields: list[dict[str, Any]]


Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,79}$")]
Label = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^[^\x00]*[^\x00\s][^\x00]*$")]


class FieldMade(Strict):
    """A lead field. Names, ids and API names are each unique in a schema, whatever their case."""

    name: Name = Field(description="What mappings and exports call the field; `__c` ends those of your own.")
    label: Annotated[Text, Field(max_length=255)] | None = None
    api_name: Name | None = Field(None, description="Salesforce's name, if it is another.")
    type: FieldType = FieldType.STRING
    single_valued: bool = Field(True, description="Whether one column of a sheet at most may hold it.")
    description: Annotated[Text, Field(max_length=4_000)] | None = None
    synonyms: list[Label] = Field(default=[], max_length=200)
    picklist: list[Label] = Field(default=[], max_length=200)
    values: list[Label] = Field(default=[], max_length=200)
    id: UUID | None = None


class SchemaMade(Strict):
    """A new version of the lead schema: all its fields. `GET /schema` shows the present ones to start from."""

    fields: list[FieldMade] = Field(min_length=1, max_length=800)


class Summary(BaseModel):
    """The state of an organization's mapping over a period. Shares are between 0 and 1, null where nothing was counted."""

    period: dict[str, datetime]
    uploads: int
    failed: int
    waiting: int
    rows: int
    columns: int
    mappings: int
    reviewed: int
    corrections: int
    accuracy: float | None = Field(
        description="Over fully reviewed uploads: the share of columns that needed no correction."
    )
    coverage: float | None = Field(description="The share of columns that needed no person.")
    datasets: int
    models: int
    llm: dict[str, float]
    storage_bytes: int


class Pattern(BaseModel):
    """A header that was mapped to a field, and what people said about it."""

    header: str
    seen: int
    confidence: float
    last_seen: datetime
    answered: int
    agreed: int
    answers: list[dict[str, Any]]


class FieldPatterns(BaseModel):
    """For each lead field (null: no target), its most frequent headers."""

    field: str | None
    headers: list[Pattern]


class Patterns(BaseModel):
    fields: list[FieldPatterns]


def warnings_of(notices: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [dict(notice) for notice in notices]


def _shown(upload: Upload) -> dict[str, Any]:
    return {
        "id": upload.id,
        "status": upload.status,
        "filename": upload.filename,
        "kind": upload.kind,
        "size_bytes": upload.size_bytes,
        "source": upload.source,
        "problem": None if upload.problem is None else dict(upload.problem),
        "warnings": warnings_of(upload.warnings),
        "sheets": upload.sheet_count,
        "rows": upload.row_count,
        "columns": upload.column_count,
        "mapped": upload.mapped_count,
        "decided": upload.decided_count,
        "reviewed": upload.reviewed_count,
        "corrections": upload.corrected_count,
        "version": upload.version,
        "received_at": upload.received_at,
        "mapped_at": upload.mapped_at,
        "reviewed_at": upload.reviewed_at,
        "contents_deleted_at": upload.contents_deleted_at,
    }
