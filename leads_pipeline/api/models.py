"""The JSON that requests carry and answers show. Things may be added here, not renamed."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, get_args
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from leads_pipeline.mapping import FieldType, Transform, Wish
from leads_pipeline.spreadsheets import ExportCheck
from leads_pipeline.store.corrections import Correction, StoredCorrection
from leads_pipeline.store.mappings import StoredMapping
from leads_pipeline.store.organizations import Organization, Token
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
    audit: Literal["wanted", "done"] | None = Field(
        description="`wanted`: this file was drawn at random; please review it as a whole, also where nothing looks wrong. "
        "What such files come to is the honest accuracy."
    )

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
    transform: dict[str, Any] | None = Field(
        description="What an export does with the cells: `kind` is `split`, `merge` or `value_map`, `fields` the lead fields "
        "that are filled. Null: nothing."
    )
    sample_shapes: list[str]
    filled: int
    rows: int
    schema_version: int

    @classmethod
    def of(cls, mapping: StoredMapping, transform: Transform | None) -> "MappingShown":
        """A stored mapping, with what is done with its cells as things stand."""
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
            transform=None if transform is None else dict(transform),
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
    audit: Literal["wanted", "done"] | None = Field(
        default=None, description="`wanted`: the file was drawn at random; please review it as a whole."
    )


class CorrectionMade(Strict):
    """An answer about one mapping. The same target as predicted confirms; null says that there is none."""

    mapping_id: UUID
    target: Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[^\x00]*$")] | None
    comment: Annotated[Text, Field(max_length=2000)] | None = None
    reviewer: Annotated[Text, Field(max_length=200)] | None = Field(
        None, description="A pseudonym of who answered; no name or address, please."
    )
    transform: Wish | None = Field(
        None,
        description="What an export is to do with the cells: `none` leaves them as they are, `split`, `merge` and `value_map` "
        "ask for it where it was not proposed, `auto` does what follows from the mapping. It is remembered with the answer. "
        "Left out: as before if the target stays, else `auto`.",
    )

    def as_correction(self) -> Correction:
        return Correction(self.mapping_id, self.target, self.comment, self.reviewer, self.transform)


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


class LeadsChecked(BaseModel):
    """What an export comes to. `changed` counts, for each column, the cells that a transform changes."""

    columns: list[str]
    rows: int
    changed: dict[str, int]
    warnings: list[dict[str, Any]] = Field(
        description="What stays as it is, and why: `values_unknown`, `split_unsure`, each with the `field` and a `count`."
    )

    @classmethod
    def of(cls, check: ExportCheck, columns: Sequence[str]) -> "LeadsChecked":
        unknown = [
            _warning("values_unknown", field, count, "in none of the ways that its pick-list knows; left as written")
            for field, count in check.unknown.items()
        ]
        unsure = [
            _warning("split_unsure", field, count, "not surely split; left whole")
            for field, count in check.unsure.items()
        ]
        return cls(columns=list(columns), rows=check.rows, changed=dict(check.changed), warnings=unknown + unsure)


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
    picklist: list[Label] = Field(default=[], max_length=1_000, description="The values that it may have.")
    picklist_synonyms: dict[Label, Annotated[list[Label], Field(max_length=200)]] = Field(
        default={},
        max_length=1_000,
        description="What people write for values of `picklist`; the usual words of many languages are known.",
    )
    values: list[Label] = Field(default=[], max_length=200)
    id: UUID | None = None


class SchemaMade(Strict):
    """A new version of the lead schema: all its fields. `GET /schema` shows the present ones to start from."""

    fields: list[FieldMade] = Field(min_length=1, max_length=800)


class LlmUse(BaseModel):
    """What a language model was asked."""

    calls: int
    tokens: int
    cost_usd: float | None = Field(description="The sum of what is known, null where nothing is.")
    unpriced_calls: int = Field(description="Calls whose cost is not known.")


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
    llm: LlmUse
    storage_bytes: int


class ConflictingAnswer(BaseModel):
    """An answer, null for "no target", how many people hold it, and when the last of them gave it."""

    target: str | None
    people: int
    newest: datetime


class Conflict(BaseModel):
    """Answers that contradict each other. What most people say counts; of contradicting answers the newer one counts more."""

    values: str = Field(description="What kind of values the columns hold.")
    answers: list[ConflictingAnswer]


class Pattern(BaseModel):
    """A header that was mapped to a field, and what people said about it."""

    header: str
    seen: int = Field(description="Columns with this header that were mapped to the field.")
    confidence: float = Field(description="Their mean confidence, in percent.")
    last_seen: datetime
    reviewed: int = Field(description="How many of them stand in files that were reviewed as a whole.")
    accuracy: float | None = Field(description="The share of those that was right; null where none was reviewed.")
    answered: int = Field(description="How often people said what the header is, whatever was proposed.")
    agreed: int = Field(description="How often they said this field.")
    agreement: float | None = Field(description="The share of answers that said this field.")
    answers: list[dict[str, Any]]
    conflicts: list[Conflict] = Field(
        description="Where people contradict each other about the same header in the same surroundings."
    )


class Confusion(BaseModel):
    """Another field (null: no target) that was mixed up with this one, in files reviewed as a whole."""

    field: str | None
    columns: int


class FieldPatterns(BaseModel):
    """For each lead field (null: no target), its most frequent headers, and what it was mixed up with in 90 days."""

    field: str | None
    headers: list[Pattern]
    taken_for: list[Confusion] = Field(description="What was proposed where people said this field.")
    taken_instead: list[Confusion] = Field(description="What people said where this field was proposed.")


class Patterns(BaseModel):
    fields: list[FieldPatterns]


class Outcome(BaseModel):
    """What a recommendation brought, once it no longer held. `..._error` is what came less what was expected."""

    columns: int = Field(description="Columns that have come since.")
    reviews_saved: float
    reviews_error: float | None
    accuracy_gain: float | None
    accuracy_error: float | None


class RecommendationShown(BaseModel):
    """One thing to do. Gains are for four weeks like the last four."""

    id: UUID
    kind: Literal[
        "review_columns", "resolve_conflict", "add_synonym", "lower_threshold", "raise_threshold", "split_field",
        "collect_language", "answer_sample", "retrain", "promote",
    ]  # fmt: skip
    rank: int
    title: str
    because: str
    evidence: dict[str, Any] = Field(description="Counts, and examples by header.")
    reviews_saved: float | None = Field(description="Columns that nobody would have to look at; null: not known.")
    accuracy_gain: float | None = Field(description="As a share of all columns; null: not known.")
    effort_minutes: float
    steps: list[dict[str, Any]] = Field(description="How: `cli`, `rest` with its `body`, and what to `do`.")
    first_at: datetime
    last_at: datetime
    closed_at: datetime | None
    outcome: Outcome | None = Field(description="What came of it, once it no longer held; null until that was checked.")


class Recommendations(BaseModel):
    """What to do next, the best first, and what came of earlier advice."""

    made_at: datetime | None = Field(description="Null: nothing was measured yet.")
    recommendations: list[RecommendationShown]
    checked: list[RecommendationShown]


def warnings_of(notices: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [dict(notice) for notice in notices]


def _warning(code: str, field: str, count: int, what: str) -> dict[str, Any]:
    detail = f"{field}: {count:,} cell{' is' if count == 1 else 's are'} {what}."
    return {"code": code, "detail": detail, "field": field, "count": count}


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
        "audit": upload.audit,
    }


# --- Organizations -------------------------------------------------------------------------------------------------

OrganizationName = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
SalesforceId = Annotated[str, StringConstraints(pattern=r"^00D[A-Za-z0-9]{12}([A-Za-z0-9]{3})?$")]
Scope = Literal["uploads:read", "uploads:write", "corrections:write", "schema:write", "training:read", "audit:read"]


class OrganizationSettings(Strict):
    """What an organization may have of its own. Null: as the deployment is set."""

    auto_apply_threshold: float | None = Field(
        None, ge=0, le=100, description="Confidence, in percent, from which a mapping is applied without a person."
    )
    min_confidence_threshold: float | None = Field(
        None, ge=0, le=100, description="Confidence that an unreviewed mapping needs to enter training data."
    )
    training_data_retention_days: int | None = Field(
        None, ge=0, le=36500, description="Days that file contents are kept; 0 deletes them once nobody needs them."
    )
    llm_monthly_budget_usd: float | None = Field(
        None, ge=0, le=9_999_999, description="What the language model may cost in a calendar month."
    )
    max_daily_uploads: int | None = Field(None, ge=0, le=2**31 - 1, description="Uploads in a day (UTC).")
    max_storage_bytes: int | None = Field(None, ge=0, le=2**63 - 1, description="Bytes of files kept at a time.")


class OrganizationChoices(OrganizationSettings):
    """What else is set for an organization."""

    share_training: bool = Field(False, description="Whether its anonymised examples train the shared model.")
    share_memory: bool = Field(
        False,
        description="Whether what its people confirm helps others that share their memory, and the other way round.",
    )
    salesforce_organization: SalesforceId | None = Field(
        None, description="The id of the Salesforce organization whose people log in for this one."
    )

    def changes(self) -> dict[str, Any]:
        """What was named, by the names of the store. Salesforce's ids are kept without their checksum."""
        changed = self.model_dump(exclude_unset=True)
        if changed.get("salesforce_organization") is not None:
            changed["salesforce_organization"] = changed["salesforce_organization"][:15]
        return changed


class OrganizationMade(OrganizationChoices):
    """A new organization; what is left out is as the deployment is set."""

    name: OrganizationName


class OrganizationChanged(OrganizationChoices):
    """What is to be changed: what is left out stays."""

    name: OrganizationName = ""


class OrganizationShown(OrganizationSettings):
    """An organization and its own settings."""

    id: UUID
    name: str
    created_at: datetime
    share_training: bool
    share_memory: bool
    salesforce_organization: str | None

    @classmethod
    def of(cls, organization: Organization) -> "OrganizationShown":
        return cls(
            id=organization.id,
            name=organization.name,
            created_at=organization.created_at,
            share_training=organization.share_training,
            share_memory=organization.share_memory,
            salesforce_organization=organization.salesforce_organization,
            **dict(organization.settings),  # pyright: ignore[reportArgumentType] - the database checks them
        )


class OrganizationList(BaseModel):
    organizations: list[OrganizationShown]


class TokenAsked(Strict):
    """A token to make: all scopes and no end unless narrowed."""

    scopes: list[Scope] = Field(list(get_args(Scope)), min_length=1)
    label: Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\x00]*$")] = Field(
        "", description="What it is for."
    )
    days: int | None = Field(None, ge=1, le=3650, description="Let it expire after so many days.")


class RotationAsked(Strict):
    overlap_hours: float = Field(24, ge=0, le=8760, description="How long the old token stays good.")


class TokenShown(BaseModel):
    """A token without its secret. `prefix` is what it is known by."""

    prefix: str
    scopes: list[str]
    label: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    replaced_by: str | None

    @classmethod
    def of(cls, token: Token) -> "TokenShown":
        return cls(
            prefix=token.prefix,
            scopes=list(token.scopes),
            label=token.label,
            created_at=token.created_at,
            expires_at=token.expires_at,
            revoked_at=token.revoked_at,
            replaced_by=token.replaced_by,
        )


class TokenList(BaseModel):
    tokens: list[TokenShown]


class TokenMade(TokenShown):
    token: str = Field(description="The whole token; it is not shown again.")
