"""What is done about one upload: fetch it, read it, map it, store the outcome. Knows nothing of Dagster."""

import hashlib
import time
from collections.abc import Generator, Sequence
from collections.abc import Mapping as ReadOnly
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

import structlog

from leads_pipeline.defs.serving import in_service
from leads_pipeline.defs.shadowing import map_file
from leads_pipeline.errors import ContentsLost, FileRejected, StaleClaim
from leads_pipeline.mapping import (
    LeadSchema,
    Memory,
    default_schema,
    gate,
    load_model,
    memory_keys,
    sharable_fields,
)
from leads_pipeline.mapping.language_model import open_columns
from leads_pipeline.settings import Settings
from leads_pipeline.spreadsheets import Limits, read
from leads_pipeline.store import llm, mappings, memory, organizations, queue, trials
from leads_pipeline.store.database import Database
from leads_pipeline.store.llm import Answered, Call
from leads_pipeline.store.mappings import MappedSheet
from leads_pipeline.store.queue import Done, Job
from leads_pipeline.store.trials import Shadow
from leads_pipeline.training.examples import language_of
from leads_pipeline.types import Mapping, Notice, Workbook
from leads_pipeline.vault import vault_of

log = structlog.get_logger()

LEASE = timedelta(seconds=60)
"""How long a job stays claimed without a word from its drain, which renews the lease every few seconds."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What was done, of one upload or of many. `confidence` is summed over the columns, 0 to 100 each; `llm_cost` is what
    is known, in US dollars.
    """

    rows: int = 0
    columns: int = 0
    mapped: int = 0
    decided: int = 0
    confidence: float = 0.0
    seconds: float = 0.0
    llm_calls: int = 0
    llm_cost: float = 0.0

    def __add__(self, other: "Figures") -> "Figures":
        return Figures(*(one + more for one, more in zip(astuple(self), astuple(other), strict=True)))

    @property
    def mean_confidence(self) -> float | None:
        return round(self.confidence / self.columns, 1) if self.columns else None

    @property
    def coverage(self) -> float | None:
        """The share of columns that needed no person."""
        return round(self.decided / self.columns, 4) if self.columns else None


@dataclass(frozen=True, slots=True)
class Processed:
    """What became of one job. `error` is the code of a failure, None for success."""

    figures: Figures
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Work:
    """A file that was read and mapped, and is not stored yet, with the settings of its organization.

    For each sheet `proposals` holds its mappings, and `open` the positions of those that a language model may be asked
    about. `notices` are about the mapping; those about the file are the workbook's. `shadow` is what a model on trial said.
    """

    job: Job
    settings: Settings
    workbook: Workbook
    schema: LeadSchema
    schema_version: int
    model_version: str
    proposals: Sequence[Sequence[Mapping]]
    open: Sequence[Sequence[int]]
    timings: ReadOnly[str, float]
    notices: Sequence[Notice] = ()
    shadow: Shadow | None = None


def process(database: Database, settings: Settings, job: Job) -> Processed | Work | None:
    """Map one claimed upload and store the outcome; None when another worker has taken the job over.

    A file that cannot be read is an outcome, not an error; a store of contents that does not answer is one
    (`ContentsUnavailable`). A file with columns that a language model is to be asked about
    is handed back, to be stored when it was.
    """
    begun = time.perf_counter()
    try:
        try:
            with _contents(database, settings, job) as path:
                fetched = time.perf_counter()
                workbook = read(path, job.filename, Limits(**settings.file_limits()))
                was_read = time.perf_counter()
        except (FileRejected, ContentsLost) as problem:
            with database.transaction(job.organization_id) as transaction:
                queue.fail(transaction, job, problem)
            return Processed(Figures(seconds=time.perf_counter() - begun), problem.code)
        work = _map(database, settings, job, workbook, {"fetch": fetched - begun, "read": was_read - fetched})
    except StaleClaim:
        log.info("job taken over", job=str(job.id))
        return None
    return work if any(work.open) else store(database, work)


def store(
    database: Database,
    work: Work,
    *,
    call: Call | None = None,
    answers: Sequence[Answered] = (),
) -> Processed | None:
    """Store what a file was mapped to, and what a language model was asked and said about it, in one transaction.

    None when another worker has taken the job over.
    """
    begun = time.perf_counter()
    threshold = work.settings.auto_apply_threshold
    mapped = [
        MappedSheet(
            sheet,
            proposals,
            [gate(proposal, threshold) for proposal in proposals],
            language_of([column.header for column in sheet.columns]),
        )
        for sheet, proposals in zip(work.workbook.sheets, work.proposals, strict=True)
    ]
    proposals = [proposal for sheet in mapped for proposal in sheet.mappings]
    rows = sum(sheet.rows for sheet in work.workbook.sheets)
    notices = (*work.workbook.notices, *(notice for sheet in work.workbook.sheets for notice in sheet.notices))
    try:
        with database.transaction(work.job.organization_id) as transaction:
            queue.finish(
                transaction,
                work.job,
                Done(work.model_version, work.schema_version, rows, len(proposals), work.timings),
            )
            mappings.save_mapped(
                transaction,
                work.job,
                mapped,
                notices=[*notices, *work.notices],
                model_version=work.model_version,
                schema_version=work.schema_version,
                audit_share=_drawn(work.job.upload_id, work.settings.audit_share),
            )
            if work.shadow is not None:
                trials.save_shadow(transaction, work.job.upload_id, work.job.generation, work.shadow)
            if call is not None:
                llm.save_call(transaction, work.job, call, answers)
    except StaleClaim:
        log.info("job taken over", job=str(work.job.id))
        return None
    figures = Figures(
        rows=rows,
        columns=len(proposals),
        mapped=sum(proposal.target is not None for proposal in proposals),
        decided=sum(sum(sheet.decided) for sheet in mapped),
        confidence=sum(proposal.confidence for proposal in proposals),
        seconds=sum(work.timings.values()) + time.perf_counter() - begun,
        llm_calls=0 if call is None else call.usage.calls,
        llm_cost=0.0 if call is None or call.cost is None else float(call.cost),
    )
    return Processed(figures)


def _map(database: Database, settings: Settings, job: Job, workbook: Workbook, timings: ReadOnly[str, float]) -> Work:
    begun = time.perf_counter()
    keys = [key for sheet in workbook.sheets for key in memory_keys(sheet, load_model().vocabulary)]
    with database.transaction(job.organization_id) as transaction:
        stored_schema = organizations.lead_schema(transaction)
        remembered = Memory(memory.recall(transaction, keys, sharable=sharable_fields()))
        settings = organizations.settings_for(transaction, settings)
        service = in_service(transaction, job.organization_id)
    version, schema = (
        (0, default_schema()) if stored_schema is None else (stored_schema[0], LeadSchema.from_json(stored_schema[1]))
    )
    mapped = map_file(workbook.sheets, keys, schema, remembered, service, job.organization_id)
    asking = settings.openai_api_key is not None and settings.llm_monthly_budget_usd != 0
    left_open = [
        open_columns(sheet, proposed, gated_at=settings.auto_apply_threshold, asked_below=settings.llm_threshold)
        if asking
        else []
        for sheet, proposed in zip(workbook.sheets, mapped.proposals, strict=True)
    ]
    return Work(
        job=job,
        settings=settings,
        workbook=workbook,
        schema=schema,
        schema_version=version,
        model_version=mapped.model,
        proposals=mapped.proposals,
        open=left_open,
        timings={**timings, "map": time.perf_counter() - begun},
        shadow=mapped.shadow,
    )


def _drawn(upload: UUID, share: float) -> float | None:
    """The chance with which this upload was drawn for the audit, None when it was not. Mapped again, it is drawn again."""
    lot = int.from_bytes(hashlib.sha256(b"audit" + upload.bytes).digest()[:8]) / 2**64
    return share if lot < share else None


@contextmanager
def _contents(database: Database, settings: Settings, job: Job) -> Generator[Path]:
    with TemporaryDirectory(prefix="leads-") as directory:
        path = Path(directory) / "upload"
        vault_of(settings).fetch(database, job.organization_id, job.upload_id, path)
        yield path
