"""One row for each column that was mapped: what was proposed, what counts now, and what a person said."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from leads_pipeline.store.database import Transaction, as_json
from leads_pipeline.store.ids import new_id
from leads_pipeline.store.queue import Job
from leads_pipeline.store.uploads import Upload, save_sheets
from leads_pipeline.types import Mapping as Proposal
from leads_pipeline.types import Notice, Sheet


@dataclass(frozen=True, slots=True)
class MappedSheet:
    """A sheet with its proposals, in column order, whether the gate lets each of them stand without a person, and the
    language of its headers (`und` where none is known).
    """

    sheet: Sheet
    mappings: Sequence[Proposal]
    decided: Sequence[bool]
    language: str = "und"


@dataclass(frozen=True, slots=True)
class StoredMapping:
    """One column's mapping. `predicted` is what was proposed; `target` is what counts, corrections included.

    `transform` is what was proposed with it, `wish` what a person said of that; what is done follows from all columns'
    targets, and is `mapping`'s to decide.
    """

    id: UUID
    upload_id: UUID
    sheet: str
    sheet_index: int
    column_index: int
    header: str
    predicted: str | None
    target: str | None
    confidence: float
    method: str
    applied: bool
    review: str | None
    transform: Mapping[str, Any] | None
    wish: str | None
    alternatives: Sequence[Mapping[str, Any]]
    explanation: str
    profile: Mapping[str, Any]
    model_version: str
    schema_version: int


def save_mapped(
    transaction: Transaction,
    job: Job,
    sheets: Sequence[MappedSheet],
    *,
    notices: Sequence[Notice],
    model_version: str,
    schema_version: int,
    audit_share: float | None = None,
) -> None:
    """Store what a job made of its upload. One transaction with `queue.finish`, so that it is there whole or not at all.

    A decided column with a field is applied; one with "no target" is left out of the leads. Nobody needs to look at either.
    `audit_share` is the chance with which the upload was drawn, for a full review; None when it was not.
    """
    save_sheets(transaction, job.upload_id, job.generation, [(mapped.sheet, mapped.language) for mapped in sheets])
    columns = [
        {
            "id": new_id(),
            "sheet_index": mapped.sheet.index,
            "column_index": column.index,
            "header": column.header,
            "profile": asdict(column.profile),
            "target": mapping.target,
            "confidence": mapping.confidence,
            "method": mapping.method,
            "decided": decided,
            "applied": decided and mapping.target is not None,
            "transform": mapping.transform,
            "wish": mapping.wish,
            "alternatives": [asdict(candidate) for candidate in mapping.alternatives],
            "explanation": mapping.explanation,
            "header_key": mapping.memory_key.header,
            "value_class": mapping.memory_key.value_class,
            "neighbours": mapping.memory_key.neighbours,
            "header_form": mapping.memory_key.form,
            "header_meaning": mapping.memory_key.meaning,
        }
        for mapped in sheets
        for column, mapping, decided in zip(mapped.sheet.columns, mapped.mappings, mapped.decided, strict=True)
    ]
    transaction.run(
        """INSERT INTO field_mappings (id, organization_id, upload_id, generation, sheet_index, column_index, header,
               profile, predicted, target, confidence, method, decided, auto_applied, applied, transform, transform_remembered,
               transform_wish, alternatives, explanation, header_key, value_class, neighbours, header_form, header_meaning,
               model_version, schema_version)
           SELECT id, :organization, :upload, :generation, sheet_index, column_index, header, profile, target, target,
               confidence, method, decided, applied, applied, nullif(transform, 'null'), wish, wish, alternatives, explanation,
               header_key, value_class, neighbours, header_form, header_meaning, :model_version, :schema_version
           FROM jsonb_to_recordset(CAST(:columns AS jsonb)) AS c (id uuid, sheet_index integer, column_index integer,
               header text, profile jsonb, target text, confidence numeric, method text, decided boolean, applied boolean,
               transform jsonb, wish text, alternatives jsonb, explanation text, header_key text, value_class text,
               neighbours text, header_form text, header_meaning text)
        """,
        organization=job.organization_id,
        upload=job.upload_id,
        generation=job.generation,
        model_version=model_version,
        schema_version=schema_version,
        columns=as_json(columns),
    )
    transaction.run(
        """UPDATE file_uploads SET status = 'mapped', problem = NULL, warnings = CAST(:warnings AS jsonb),
               generation = :generation, version = version + 1, mapped_at = clock_timestamp(), reviewed_at = NULL,
               sheet_count = :sheets, row_count = :rows, column_count = :columns, mapped_count = :mapped,
               decided_count = :decided, reviewed_count = 0, corrected_count = 0, audit_share = :audit_share
           WHERE id = :upload""",
        upload=job.upload_id,
        generation=job.generation,
        warnings=as_json([asdict(notice) for notice in notices]),
        sheets=len(sheets),
        rows=sum(mapped.sheet.rows for mapped in sheets),
        columns=len(columns),
        mapped=sum(column["target"] is not None for column in columns),
        decided=sum(sum(mapped.decided) for mapped in sheets),
        audit_share=audit_share,
    )
    if job.kind == "map":
        _count_patterns(transaction, job.organization_id, columns)


def mappings_of(transaction: Transaction, found: Upload) -> list[StoredMapping]:
    """The mappings of the upload's present generation, by sheet and column."""
    rows = transaction.all(
        f"""SELECT {_FIELDS} FROM field_mappings m
            JOIN sheets s ON s.upload_id = m.upload_id AND s.generation = m.generation
                         AND s.sheet_index = m.sheet_index
            WHERE m.organization_id = :organization AND m.upload_id = :upload AND m.generation = :generation
            ORDER BY m.sheet_index, m.column_index""",
        organization=transaction.organization,
        upload=found.id,
        generation=found.generation,
    )
    return [StoredMapping(**{**row, "confidence": float(row["confidence"])}) for row in rows]


_FIELDS = """m.id, m.upload_id, s.name AS sheet, m.sheet_index, m.column_index, m.header, m.predicted, m.target,
    m.confidence, m.method, m.applied, m.review, m.transform, m.transform_wish AS wish, m.alternatives, m.explanation,
    m.profile, m.model_version, m.schema_version"""


def _count_patterns(transaction: Transaction, organization: UUID, columns: Sequence[Mapping[str, Any]]) -> None:
    # Sorted, so that two jobs that count the same headers take the row locks in the same order.
    transaction.run(
        """INSERT INTO field_patterns (organization_id, header_key, predicted, header, seen, confidence_sum)
           SELECT :organization, header_key, target, min(header), count(*), sum(confidence)
           FROM jsonb_to_recordset(CAST(:columns AS jsonb)) AS c (header_key text, target text, header text,
                confidence float)
           GROUP BY header_key, target ORDER BY header_key, target
           ON CONFLICT (organization_id, header_key, (coalesce(predicted, ''))) DO UPDATE
           SET seen = field_patterns.seen + excluded.seen, last_seen = now(),
               confidence_sum = field_patterns.confidence_sum + excluded.confidence_sum""",
        organization=organization,
        columns=as_json(
            [{name: column[name] for name in ("header_key", "target", "header", "confidence")} for column in columns]
        ),
    )
