"""Small builders for what tests arrange: sheets, proposals, mapped uploads."""

import io
import itertools
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from leads_pipeline.defs.drain import Totals, drain
from leads_pipeline.settings import Settings
from leads_pipeline.store import mappings, queue, uploads
from leads_pipeline.store.database import SYSTEM, Database
from leads_pipeline.store.mappings import MappedSheet, StoredMapping
from leads_pipeline.store.queue import Done, Job
from leads_pipeline.types import Candidate, Column, ColumnProfile, Mapping, MemoryKey, Method, Sheet

_numbers = itertools.count()


def proposal(
    index: int, header: str, target: str | None, confidence: float = 90.0, *, neighbours: str = "n"
) -> Mapping:
    return Mapping(
        index=index,
        header=header,
        target=target,
        confidence=confidence,
        method=Method.MODEL,
        alternatives=(Candidate("Title", 3.0),),
        explanation="because",
        memory_key=MemoryKey(header.lower(), "text", neighbours),
    )


def sheet(headers: Sequence[str], *, index: int = 0, name: str = "Sheet1", rows: int = 3) -> Sheet:
    profile = ColumnProfile(rows=rows, filled=rows, sampled=rows, shapes=("Aaaa",))
    columns = tuple(Column(position, header, profile) for position, header in enumerate(headers))
    return Sheet(index=index, name=name, header_row=1, columns=columns, rows=rows, layout={"first": 2})


def received(database: Database, organization: UUID, content: bytes | None = None, name: str = "leads.csv") -> UUID:
    """An upload that waits. Its bytes are new ones unless given."""
    content = content or f"Name\nPerson {next(_numbers)}\n".encode()
    with database.transaction(organization) as transaction:
        found = uploads.receive(transaction, io.BytesIO(content), filename=name, kind="csv", source="rest")
    return found.upload.id


def claim_for(database: Database, upload_id: UUID) -> Job:
    """The job of one upload, claimed; others that come along wait again."""
    with database.transaction(SYSTEM) as transaction:
        jobs = queue.claim(transaction, limit=1000, lease=timedelta(minutes=1), run_id="run")
        for job in jobs:
            if job.upload_id != upload_id:
                queue.give_back(transaction, job, tried=False)
    return next(job for job in jobs if job.upload_id == upload_id)


def drained(database: Database, settings: Settings, **signals: Any) -> Totals:
    """What a drain did that was run to its end."""
    totals = Totals()
    for part in drain(database, settings, "run", **signals):
        totals.include(part)
    return totals


def finish(
    database: Database, job: Job, targets: dict[str, str | None], confidence: float = 90.0, *, neighbours: str = "n"
) -> None:
    """End a job with these headers and proposals."""
    proposals = [
        proposal(index, header, target, confidence, neighbours=neighbours)
        for index, (header, target) in enumerate(targets.items())
    ]
    mapped = MappedSheet(sheet(list(targets)), proposals, [target is not None for target in targets.values()])
    with database.transaction(job.organization_id) as transaction:
        queue.finish(transaction, job, Done("model-1", 0, 3, len(targets)))
        mappings.save_mapped(transaction, job, [mapped], notices=[], model_version="model-1", schema_version=0)


def mapped_upload(
    database: Database, organization: UUID, targets: dict[str, str | None], *, neighbours: str = "n"
) -> tuple[UUID, dict[str, StoredMapping]]:
    """An upload that was mapped so, and its stored mappings by header."""
    upload_id = received(database, organization)
    finish(database, claim_for(database, upload_id), targets, neighbours=neighbours)
    return upload_id, stored_mappings(database, organization, upload_id)


def stored_mappings(database: Database, organization: UUID, upload_id: UUID) -> dict[str, StoredMapping]:
    with database.transaction(organization) as transaction:
        rows = mappings.mappings_of(transaction, uploads.upload(transaction, upload_id))
    return {row.header: row for row in rows}
