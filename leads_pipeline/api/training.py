"""Routes on what is learned: corrections, the summary, and the patterns of headers."""

from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from leads_pipeline.api import idempotency
from leads_pipeline.api.idempotency import IdempotencyKey, Outcome
from leads_pipeline.api.lead_schema import current_schema, recent_schema, require_fields, require_transforms
from leads_pipeline.api.models import (
    Confusion,
    CorrectionShown,
    CorrectionsKept,
    CorrectionsMade,
    FieldPatterns,
    LlmUse,
    Pattern,
    Patterns,
    Recommendations,
    RecommendationShown,
    Summary,
    UndoKept,
)
from leads_pipeline.api.problems import problems
from leads_pipeline.api.services import Absent, Analyst, Corrector, IfMatch, Searched, Shared
from leads_pipeline.errors import RequestInvalid
from leads_pipeline.mapping import LeadSchema
from leads_pipeline.store import corrections, datasets, models, performance, recommendations, summary
from leads_pipeline.store.database import Transaction

router = APIRouter(prefix="/training", tags=["training"])

CONFUSED_WITHIN = timedelta(days=90)


@router.post("/corrections", response_model=CorrectionsKept, responses=problems(404, 409, 412))
def correct(
    made: CorrectionsMade, caller: Corrector, shared: Shared, if_match: IfMatch, key: IdempotencyKey = None
) -> Response:
    """Confirm or change mappings, one or many: all are kept, or none. They act on the next file when this answers."""

    def act(transaction: Transaction) -> Outcome:
        schema = _schema_for(made, transaction)
        stored = corrections.correct(
            transaction,
            [correction.as_correction() for correction in made.corrections],
            single_valued=schema.single_valued,
            expected_version=if_match,
        )
        return Outcome(CorrectionsKept(corrections=[CorrectionShown.of(correction) for correction in stored]))

    return idempotency.once(shared, caller, key, "POST /training/corrections", made, act)


def _schema_for(made: CorrectionsMade, transaction: Transaction) -> LeadSchema:
    """The schema that allows what is said; one of a moment ago is not asked twice unless it does not."""

    def allows(schema: LeadSchema) -> LeadSchema:
        require_fields(schema, (correction.target for correction in made.corrections))
        require_transforms(schema, ((correction.target, correction.transform) for correction in made.corrections))
        return schema

    try:
        return allows(recent_schema(transaction))
    except RequestInvalid:
        return allows(current_schema(transaction)[1])


@router.delete("/corrections/{correction_id}", responses=problems(404))
def undo(correction_id: UUID, caller: Corrector, shared: Shared) -> UndoKept:
    """Take an answer back: the mapping is as it was before, and memory has forgotten it."""
    with shared.database.transaction(caller.organization, by=caller.actor) as transaction:
        _, schema = current_schema(transaction)
        changed = corrections.undo(transaction, correction_id, single_valued=schema.single_valued)
    return UndoKept(id=correction_id, mappings=changed)


@router.get("/summary", responses=problems())
def summarize(
    caller: Analyst,
    shared: Shared,
    days: Annotated[int, Query(ge=1, le=3650, description="How many days back, today included.")] = 90,
) -> Summary:
    """How the mapping of this organization's files is doing."""
    until = datetime.now(UTC)
    since = until - timedelta(days=days)
    with shared.database.transaction(caller.organization) as transaction:
        totals = summary.totals(transaction, since, until)
        llm = summary.llm_totals(transaction, since, until)
        versions, versions_of_models = datasets.count(transaction), models.count(transaction)
    return Summary(
        period={"since": since, "until": until},
        **{name: totals[name] for name in ("uploads", "failed", "waiting", "rows", "columns", "mappings")},
        reviewed=totals["reviewed"],
        corrections=totals["corrections"],
        accuracy=_share(totals["right_columns"], totals["reviewed_columns"]),
        coverage=_share(totals["decided"], totals["columns"]),
        datasets=versions,
        models=versions_of_models,
        llm=LlmUse(**llm),
        storage_bytes=totals["storage_bytes"],
    )


@router.get("/field-patterns", responses=problems())
def field_patterns(
    caller: Analyst,
    shared: Shared,
    field: Annotated[Searched | Absent, Query(description="Only this lead field.")] = None,
    per_field: Annotated[int, Query(ge=1, le=200, description="Headers to show of each field.")] = 20,
) -> Patterns:
    """For each lead field, the headers that were mapped to it: how often, how sure, how right, and what people said; and what
    the field was mixed up with.
    """
    today = datetime.now(UTC).date()
    with shared.database.transaction(caller.organization) as transaction:
        rows = summary.header_patterns(transaction, per_field=per_field, field=field)
        confused = performance.confusions_between(transaction, today - CONFUSED_WITHIN, today + timedelta(days=1))
    fields: dict[str | None, list[Pattern]] = {}
    for row in rows:
        answers = {target or None: support for target, support in row["answers"].items()}
        agreed = answers.get(row["field"], 0)
        fields.setdefault(row["field"], []).append(
            Pattern(
                header=row["header"],
                seen=row["seen"],
                confidence=round(row["confidence"], 1),
                last_seen=row["last_seen"],
                reviewed=row["reviewed"],
                accuracy=_share(row["correct"], row["reviewed"]),
                answered=row["answered"],
                agreed=agreed,
                agreement=_share(agreed, row["answered"]),
                answers=[{"target": target, "count": support} for target, support in answers.items()],
                conflicts=row["conflicts"],
            )
        )
    return Patterns(
        fields=[
            FieldPatterns(
                field=name,
                headers=headers,
                taken_for=[
                    Confusion(field=row["predicted"], columns=row["columns"])
                    for row in confused
                    if row["target"] == name
                ],
                taken_instead=[
                    Confusion(field=row["target"], columns=row["columns"])
                    for row in confused
                    if row["predicted"] == name
                ],
            )
            for name, headers in fields.items()
        ]
    )


@router.get("/recommendations", responses=problems())
def recommend(
    caller: Analyst,
    shared: Shared,
    limit: Annotated[int, Query(ge=1, le=100, description="How many to show, of either.")] = 20,
) -> Recommendations:
    """What to do next, the best first: each with its evidence, what it should bring, what it takes, and how. Made when
    performance is measured, each morning and after reviews; `checked` tells what came of earlier ones.
    """
    with shared.database.transaction(caller.organization) as transaction:
        found = recommendations.newest(transaction, limit=limit)
        checked = recommendations.checked(transaction, limit=limit)
        made_at = recommendations.made_at(transaction)
    return Recommendations(
        made_at=made_at,
        recommendations=[RecommendationShown(**row) for row in found],
        checked=[RecommendationShown(**row) for row in checked],
    )


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None
