"""Examples: what is kept of reviewed files to learn from, made while their contents are still there.

`make_examples` is for one upload, due or not: whoever deletes contents calls it first.
"""

import hmac
import time
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import dagster as dg
import structlog

from leads_pipeline.defs.intake import ON_ITS_WAY
from leads_pipeline.defs.resources import Leads
from leads_pipeline.defs.shelves import LEARNING, OWNERS
from leads_pipeline.errors import ContentsLost, FileRejected
from leads_pipeline.mapping import load_model
from leads_pipeline.settings import Settings
from leads_pipeline.spreadsheets import AnonymisingPlan, Limits, Secrets, anonymise, category_digest
from leads_pipeline.store import examples, logins, mappings, uploads
from leads_pipeline.store.database import SYSTEM, Database
from leads_pipeline.store.examples import Due, Example
from leads_pipeline.store.mappings import StoredMapping
from leads_pipeline.training.examples import FEATURE_VERSION, SheetExample, sheet_example
from leads_pipeline.types import AnonymisedSheet, Column, ColumnProfile, Sheet
from leads_pipeline.vault import vault_of
from leads_pipeline.wording import be, counted

log = structlog.get_logger()

AT_A_TIME = 50
REST = 1.0
"""How long the making pauses after each upload where nobody waits for it, in times of what the upload took: people's answers
come first, of which every one makes an upload due.
"""
CATEGORY_KEY = "categories"
DATASET_JOB = "generate_training_dataset"
"""It begins by making the examples that are due."""


@dataclass(slots=True)
class Made:
    """What was done: uploads looked at, columns kept as new examples, and what was dropped of them, by reason."""

    uploads: int = 0
    columns: int = 0
    surrogates: int = 0
    dropped: Counter[str] = field(default_factory=Counter[str])
    problems: Counter[str] = field(default_factory=Counter[str])


@dataclass(frozen=True, slots=True)
class _Source:
    """What an upload's examples are made of, read in one transaction."""

    filename: str
    sheets: list[Sheet]
    columns: dict[tuple[int, int], StoredMapping]
    key: bytes


def make_waiting_examples(database: Database, settings: Settings, *, rest: float = 0.0) -> Made:
    """Make what is due, upload by upload, until nothing is. A file that cannot be read any more is counted, not fatal.

    `rest` is how long to pause after each, in times of what it took.
    """
    made = Made()
    while True:
        with database.transaction(SYSTEM) as transaction:
            waiting = examples.due(transaction, AT_A_TIME)
        if not waiting:
            return made
        for upload in waiting:
            begun = time.monotonic()
            make_examples(database, settings, upload, made)
            time.sleep(rest * (time.monotonic() - begun))


def make_examples(database: Database, settings: Settings, upload: Due, made: Made) -> None:
    """Keep what may be kept of one upload, if that was not done before, and what people said of its columns."""
    with database.transaction(SYSTEM) as transaction:
        examples.begin(transaction, upload)
        category_key = logins.deployment_key(transaction, CATEGORY_KEY)
        common = examples.common_categories(transaction)
    problem: str | None = None
    try:
        with _source(database, settings, upload) as (source, path):
            if source is not None:
                seed = hmac.digest(source.key, upload.upload_id.bytes, "sha256")
                plan = AnonymisingPlan(tuple(source.sheets), Secrets(seed, category_key, common))
                kept = anonymise(path, source.filename, plan, Limits(**settings.file_limits()))
                _keep(database, settings, upload, source, kept, common, category_key, made)
    except (FileRejected, ContentsLost) as error:
        problem = error.code
        made.problems[error.code] += 1
    with database.transaction(upload.organization_id) as transaction:
        examples.refresh_evidence(transaction, upload.upload_id)
        examples.done(transaction, upload, problem=problem)
    made.uploads += 1


def _keep(
    database: Database,
    settings: Settings,
    upload: Due,
    source: _Source,
    kept: list[AnonymisedSheet],
    common: frozenset[str],
    category_key: bytes,
    made: Made,
) -> None:
    def is_common(text: str) -> bool:
        return category_digest(text, category_key) in common

    vocabulary = load_model().vocabulary
    sheets = [
        sheet_example(sheet, columns, is_common, vocabulary) for sheet, columns in zip(source.sheets, kept, strict=True)
    ]
    with database.transaction(SYSTEM) as transaction:
        families = [
            examples.family_of(transaction, upload.organization_id, sheet.template, sheet.header_keys)
            for sheet in sheets
        ]
        examples.note_categories(
            transaction,
            upload.organization_id,
            {digest for sheet in kept for column in sheet.columns for digest in column.categories},
            enough=settings.category_organizations,
        )
    with database.transaction(upload.organization_id) as transaction:
        for sheet, family in zip(sheets, families, strict=True):
            examples.save(
                transaction,
                upload.upload_id,
                _rows(sheet, source),
                template=sheet.template,
                family=family,
                language=sheet.language,
                feature_version=FEATURE_VERSION,
            )
    for sheet in sheets:
        made.columns += len(sheet.columns)
        for column in sheet.columns:
            made.surrogates += len(column.surrogates)
            made.dropped.update(column.dropped)


def _rows(sheet: SheetExample, source: _Source) -> list[Example]:
    return [
        Example(
            mapping_id=source.columns[sheet.index, column.index].id,
            sheet_index=sheet.index,
            column_index=column.index,
            header=column.header,
            header_key=column.header_key,
            value_class=column.value_class,
            profile=column.profile,
            surrogates=column.surrogates,
            dropped=column.dropped,
            content_hash=column.content_hash,
        )
        for column in sheet.columns
    ]


@contextmanager
def _source(database: Database, settings: Settings, upload: Due) -> Generator[tuple[_Source | None, Path]]:
    """What the upload's examples are made of and where its bytes lie; None where there is nothing to make, or to read."""
    with TemporaryDirectory(prefix="leads-examples-") as directory:
        path = Path(directory) / "upload"
        with database.transaction(upload.organization_id) as transaction:
            found = uploads.upload(transaction, upload.upload_id)
            if (
                found.generation == 0
                or found.contents_deleted_at is not None
                or examples.are_made(transaction, found.id, found.generation)
            ):
                yield None, path
                return
            columns = {(row.sheet_index, row.column_index): row for row in mappings.mappings_of(transaction, found)}
            sheets = [_with_columns(sheet, columns) for sheet in uploads.sheets_of(transaction, found)]
            key = examples.pseudonym_key(transaction)
        vault_of(settings).fetch(database, upload.organization_id, found.id, path)
        yield _Source(found.filename, sheets, columns, key), path


def _with_columns(sheet: Sheet, columns: dict[tuple[int, int], StoredMapping]) -> Sheet:
    """The sheet with the columns that its mappings tell of."""
    rows = sorted(
        (row for (index, _), row in columns.items() if index == sheet.index), key=lambda row: row.column_index
    )
    return Sheet(
        index=sheet.index,
        name=sheet.name,
        header_row=sheet.header_row,
        columns=tuple(Column(row.column_index, row.header, _profile(row)) for row in rows),
        rows=sheet.rows,
        layout=sheet.layout,
    )


def _profile(row: StoredMapping) -> ColumnProfile:
    return ColumnProfile(**{**row.profile, "shapes": tuple(row.profile.get("shapes", ()))})


# --- What Dagster sees ---------------------------------------------------------------------------------------------


@dg.asset(
    name="training_examples",
    deps=["field_mappings", "user_corrections"],
    group_name=LEARNING,
    owners=OWNERS,
    kinds={"postgres", "python"},
    description=(
        "What may be learned from. One row for each column of a reviewed file, without its people: the header with "
        "personal data scrubbed, shares and masked shapes, and 3 to 5 surrogates that look like its values and belong to "
        "nobody. Made while the contents are there, compared with every cell of the column, scanned by recognisers; what "
        "fails is never stored, and counted here under `dropped/`."
    ),
)
def training_examples(context: dg.AssetExecutionContext, leads: Leads) -> dg.MaterializeResult:
    """Makes the examples that are due: at once where a dataset waits for them, else beside whatever else is done."""
    rest = REST if context.run.job_name == make_training_examples.name else 0.0
    made = make_waiting_examples(leads.database, leads.settings, rest=rest)
    with leads.database.transaction(SYSTEM) as transaction:
        totals = examples.totals(transaction)
    return dg.MaterializeResult(
        metadata={
            "uploads": made.uploads,
            "columns": made.columns,
            "surrogates": made.surrogates,
            **{f"dropped/{reason}": count for reason, count in sorted(made.dropped.items())},
            **{f"problems/{code}": count for code, count in sorted(made.problems.items())},
            **{f"total/{name}": count for name, count in totals.items()},
        }
    )


make_training_examples = dg.define_asset_job(
    "make_training_examples",
    selection=[training_examples],
    description="Makes examples of reviewed files. The sensor `reviewed_uploads` starts it.",
)


@dg.sensor(
    job=make_training_examples,
    minimum_interval_seconds=15,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Makes training examples of uploads that were reviewed.",
)
def reviewed_uploads(context: dg.SensorEvaluationContext, leads: Leads) -> dg.RunRequest | dg.SkipReason:
    """Asks for examples to be made when files were reviewed and nobody is at it."""
    with leads.database.transaction(SYSTEM) as transaction:
        waiting = examples.due_count(transaction)
    if not waiting:
        return dg.SkipReason("Every reviewed upload has its examples.")
    statuses = [*ON_ITS_WAY, dg.DagsterRunStatus.STARTED]
    for job in (make_training_examples.name, DATASET_JOB):
        if context.instance.get_runs_count(dg.RunsFilter(job_name=job, statuses=statuses)):
            return dg.SkipReason(
                f"{counted(waiting, 'reviewed upload')} {be(waiting, 'waits', 'wait')}; a run of {job} is at it."
            )
    return dg.RunRequest(tags={"leads/waiting": str(waiting)})
