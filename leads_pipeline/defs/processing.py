"""What is done about one upload: fetch it, read it, map it, store the outcome. Knows nothing of Dagster."""

import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import structlog

from leads_pipeline.errors import FileRejected, StaleClaim
from leads_pipeline.mapping import LeadSchema, Memory, default_schema, gate, load_model, map_sheet, memory_keys
from leads_pipeline.settings import Settings
from leads_pipeline.spreadsheets import Limits, read
from leads_pipeline.store import mappings, memory, organizations, queue, uploads
from leads_pipeline.store.database import Database
from leads_pipeline.store.mappings import MappedSheet
from leads_pipeline.store.queue import Done, Job
from leads_pipeline.types import Workbook

log = structlog.get_logger()

LEASE = timedelta(seconds=60)
"""How long a job stays claimed without a word from its drain, which renews the lease every few seconds."""


@dataclass(frozen=True, slots=True)
class Processed:
    """What became of one job. `error` is the code of a failure, None for success."""

    rows: int = 0
    columns: int = 0
    mapped: int = 0
    decided: int = 0
    confidence: float = 0.0
    seconds: float = 0.0
    error: str | None = None


def process(database: Database, settings: Settings, job: Job) -> Processed | None:
    """Map one claimed upload and store the outcome; None when another worker has taken the job over.

    A file that cannot be read is an outcome, not an error.
    """
    begun = time.perf_counter()
    try:
        with _contents(database, job) as path:
            fetched = time.perf_counter()
            try:
                workbook = read(path, job.filename, Limits(**settings.file_limits()))
            except FileRejected as problem:
                with database.transaction(job.organization_id) as transaction:
                    queue.fail(transaction, job, problem)
                return Processed(seconds=time.perf_counter() - begun, error=problem.code)
            was_read = time.perf_counter()
        return _map(database, settings, job, workbook, {"fetch": fetched - begun, "read": was_read - fetched})
    except StaleClaim:
        log.info("job taken over", job=str(job.id))
        return None


def _map(database: Database, settings: Settings, job: Job, workbook: Workbook, timings: dict[str, float]) -> Processed:
    begun = time.perf_counter()
    model = load_model()
    keys = [key for sheet in workbook.sheets for key in memory_keys(sheet)]
    with database.transaction(job.organization_id) as transaction:
        stored_schema = organizations.lead_schema(transaction)
        remembered = Memory(memory.recall(transaction, (key.header for key in keys)))
        threshold = organizations.settings_for(transaction, settings).auto_apply_threshold
    version, schema = (
        (0, default_schema()) if stored_schema is None else (stored_schema[0], LeadSchema.from_json(stored_schema[1]))
    )
    mapped: list[MappedSheet] = []
    for sheet in workbook.sheets:
        proposals = map_sheet(sheet, schema, model, remembered)
        mapped.append(MappedSheet(sheet, proposals, [gate(proposal, threshold) for proposal in proposals]))
    was_mapped = time.perf_counter()
    proposals = [proposal for sheet in mapped for proposal in sheet.mappings]
    rows = sum(sheet.rows for sheet in workbook.sheets)
    with database.transaction(job.organization_id) as transaction:
        queue.finish(
            transaction,
            job,
            Done(model.version, version, rows, len(proposals), {**timings, "map": was_mapped - begun}),
        )
        mappings.save_mapped(
            transaction,
            job,
            mapped,
            notices=[*workbook.notices, *(notice for sheet in workbook.sheets for notice in sheet.notices)],
            model_version=model.version,
            schema_version=version,
        )
    return Processed(
        rows=rows,
        columns=len(proposals),
        mapped=sum(proposal.target is not None for proposal in proposals),
        decided=sum(sum(sheet.decided) for sheet in mapped),
        confidence=sum(proposal.confidence for proposal in proposals),
        seconds=sum(timings.values()) + time.perf_counter() - begun,
    )


@contextmanager
def _contents(database: Database, job: Job) -> Generator[Path]:
    with TemporaryDirectory(prefix="leads-") as directory:
        path = Path(directory) / "upload"
        with path.open("wb") as file, database.transaction(job.organization_id) as transaction:
            uploads.write_contents(transaction, job.upload_id, file)
        yield path
