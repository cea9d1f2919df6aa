"""What a language model was asked and said, what that proved to be worth and cost, and what it is told that fields are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from leads_pipeline.store.database import Transaction, as_json
from leads_pipeline.store.queue import Job
from leads_pipeline.types import LlmUsage

MOST_REMEMBERED = 5_000
MOST_REVIEWED = 2_000


@dataclass(frozen=True, slots=True)
class Call:
    """What asking about one file came to. `cost` is in US dollars, None when it is not known."""

    usage: LlmUsage = field(default_factory=LlmUsage)
    cost: Decimal | None = Decimal(0)
    definitions: str | None = None
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer about a column of a sheet, as the model gave it: `answer` None is "no target"."""

    sheet_index: int
    column_index: int
    answer: str | None
    belief: float


def save_call(transaction: Transaction, job: Job, call: Call, answers: Sequence[Answered]) -> None:
    """Keep a call with its job, and the answers with the mappings that the job has just stored."""
    usage = call.usage
    transaction.run(
        """UPDATE processing_jobs SET llm_calls = :calls, llm_tokens = :tokens, llm_cached_tokens = :cached,
               llm_cost_usd = :cost, llm_seconds = :seconds, llm_endpoint = :endpoint, llm_model = :model,
               llm_definitions = :definitions, llm_failure = :failure
           WHERE id = :id""",
        id=job.id,
        calls=usage.calls,
        tokens=usage.input_tokens + usage.output_tokens,
        cached=usage.cached_tokens,
        cost=call.cost,
        seconds=usage.seconds,
        endpoint=usage.endpoint or None,
        model=usage.model or None,
        definitions=call.definitions,
        failure=call.failure,
    )
    if answers:
        transaction.run(
            """INSERT INTO llm_answers (mapping_id, organization_id, endpoint, model, definitions, answer, belief)
               SELECT m.id, m.organization_id, :endpoint, :model, :definitions, a.answer, a.belief
               FROM jsonb_to_recordset(CAST(:answers AS jsonb)) AS a (sheet_index integer, column_index integer,
                    answer text, belief float)
               JOIN field_mappings m ON m.upload_id = :upload AND m.generation = :generation
                    AND m.sheet_index = a.sheet_index AND m.column_index = a.column_index""",
            endpoint=usage.endpoint,
            model=usage.model,
            definitions=call.definitions,
            upload=job.upload_id,
            generation=job.generation,
            answers=as_json(
                [
                    {
                        "sheet_index": each.sheet_index,
                        "column_index": each.column_index,
                        "answer": each.answer,
                        "belief": each.belief,
                    }
                    for each in answers
                ]
            ),
        )


def track_record(
    transaction: Transaction, organization: UUID, *, endpoint: str, model: str
) -> list[tuple[float, bool]]:
    """How sure the model was of its reviewed answers, and whether each was right; the newest ones. Needs the system's scope.

    People correct what is wrong, so only fully reviewed uploads count. Those of other organizations do where both share.
    """
    rows = transaction.all(
        """SELECT a.belief, m.target IS NOT DISTINCT FROM a.answer AS right
           FROM llm_answers a
           JOIN field_mappings m ON m.id = a.mapping_id
           JOIN file_uploads u ON u.id = m.upload_id AND u.generation = m.generation
           WHERE a.endpoint = :endpoint AND a.model = :model AND u.status = 'reviewed'
             AND m.review IN ('confirmed', 'corrected')
             AND (a.organization_id = :organization OR (
                 SELECT bool_and(share_training) FROM organizations WHERE id IN (:organization, a.organization_id)))
           ORDER BY a.created_at DESC LIMIT :most""",
        organization=organization,
        endpoint=endpoint,
        model=model,
        most=MOST_REVIEWED,
    )
    return [(row["belief"], row["right"]) for row in rows]


def undisputed(transaction: Transaction) -> list[tuple[str, str, str | None]]:
    """Normalised header, class of values and field of what the organization's people confirmed and nobody contradicted."""
    rows = transaction.all(
        """SELECT header_key, value_class, min(target) AS target, sum(answers) AS answers
           FROM memory_entries WHERE organization_id = :organization AND neighbours = ''
           GROUP BY header_key, value_class HAVING count(DISTINCT coalesce(target, '')) = 1
           ORDER BY answers DESC, header_key, value_class LIMIT :most""",
        organization=transaction.organization,
        most=MOST_REMEMBERED,
    )
    return [(row["header_key"], row["value_class"], row["target"]) for row in rows]


def recent_failures(transaction: Transaction, within: timedelta) -> list[bool]:
    """Whether each of the newest files failed that a language model was called for, oldest first. Needs the system's scope."""
    rows = transaction.all(
        """SELECT llm_failure IS NOT NULL AS failed FROM processing_jobs
           WHERE llm_calls > 0 AND finished_at > now() - :within ORDER BY finished_at DESC LIMIT 20""",
        within=within,
    )
    return [row["failed"] for row in reversed(rows)]


# --- What it costs -------------------------------------------------------------------------------------------------


def set_aside(transaction: Transaction, month: date, amount: Decimal, *, budget: Decimal | None) -> bool:
    """Set an amount aside for a call, unless the organization would then have spent more than its budget of the month.

    In US dollars; `month` is its first day. What is set aside counts as spent until `settle`: a call that never ended may
    have been charged.
    """
    transaction.run(
        """INSERT INTO llm_spending (organization_id, month) VALUES (:organization, :month)
           ON CONFLICT (organization_id, month) DO NOTHING""",
        organization=transaction.organization,
        month=month,
    )
    return bool(
        transaction.run(
            """UPDATE llm_spending SET cost_usd = cost_usd + :amount
               WHERE organization_id = :organization AND month = :month
                 AND (CAST(:budget AS numeric) IS NULL OR cost_usd + :amount <= :budget)""",
            organization=transaction.organization,
            month=month,
            amount=amount,
            budget=budget,
        )
    )


def settle(transaction: Transaction, month: date, amount: Decimal, usage: LlmUsage, cost: Decimal | None) -> None:
    """Replace what was set aside by what the call cost; where that is not known, the amount set aside stays."""
    transaction.run(
        """UPDATE llm_spending SET calls = calls + :calls, tokens = tokens + :tokens, cost_usd = cost_usd + :change,
               unpriced_calls = unpriced_calls + :unpriced
           WHERE organization_id = :organization AND month = :month""",
        organization=transaction.organization,
        month=month,
        calls=usage.calls,
        tokens=usage.input_tokens + usage.output_tokens,
        change=Decimal(0) if cost is None else cost - amount,
        unpriced=usage.calls if cost is None else 0,
    )


# --- Definitions of fields -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ReviewedAnswer:
    """A model's answer about a column of a fully reviewed upload, and what people said is right. None is "no target"."""

    upload_id: UUID
    sheet_index: int
    column_index: int
    header: str
    said: str | None
    right: str | None


@dataclass(frozen=True, slots=True)
class StoredColumn:
    """A column of a mapped upload: its header and profile, and the field that counts."""

    column_index: int
    header: str
    profile: Mapping[str, Any]
    target: str | None


@dataclass(frozen=True, slots=True)
class Version:
    """A version of an organization's amendments to the definitions of fields: text by field, the evidence, and the gain."""

    version: int
    status: Literal["applied", "rejected", "retired"]
    definitions: str
    amendments: Mapping[str, str]
    evidence: Mapping[str, Any]
    gain: Mapping[str, Any]
    created_at: datetime


def amendments(transaction: Transaction) -> Mapping[str, str]:
    """The amendments that are in use, by field."""
    return (
        transaction.value(
            "SELECT amendments FROM llm_definitions WHERE organization_id = :organization AND status = 'applied'",
            organization=transaction.organization,
        )
        or {}
    )


def save_definitions(
    transaction: Transaction,
    *,
    applied: bool,
    definitions: str,
    amendments: Mapping[str, str],
    evidence: Mapping[str, Any],
    gain: Mapping[str, Any],
) -> int:
    """Keep a version, in use if it is `applied`, and return its number. The one in use before is retired then."""
    # Two who refine at once take their turns.
    transaction.run("SELECT 1 FROM organizations WHERE id = :id FOR UPDATE", id=transaction.organization)
    if applied:
        transaction.run(
            """UPDATE llm_definitions SET status = 'retired'
               WHERE organization_id = :organization AND status = 'applied'""",
            organization=transaction.organization,
        )
    return transaction.value(
        """INSERT INTO llm_definitions (organization_id, version, status, definitions, amendments, evidence, gain)
           SELECT :organization, coalesce(max(version), 0) + 1, :status, :definitions, CAST(:amendments AS jsonb),
                  CAST(:evidence AS jsonb), CAST(:gain AS jsonb)
           FROM llm_definitions WHERE organization_id = :organization RETURNING version""",
        organization=transaction.organization,
        status="applied" if applied else "rejected",
        definitions=definitions,
        amendments=as_json(amendments),
        evidence=as_json(evidence),
        gain=as_json(gain),
    )


def versions(transaction: Transaction) -> list[Version]:
    """All versions, newest first."""
    rows = transaction.all(
        """SELECT version, status, definitions, amendments, evidence, gain, created_at FROM llm_definitions
           WHERE organization_id = :organization ORDER BY version DESC""",
        organization=transaction.organization,
    )
    return [Version(**row) for row in rows]


def reviewed_answers(transaction: Transaction) -> list[ReviewedAnswer]:
    """The organization's newest reviewed answers, of whatever model."""
    rows = transaction.all(
        """SELECT m.upload_id, m.sheet_index, m.column_index, m.header, a.answer AS said, m.target AS right
           FROM llm_answers a
           JOIN field_mappings m ON m.id = a.mapping_id
           JOIN file_uploads u ON u.id = m.upload_id AND u.generation = m.generation
           WHERE a.organization_id = :organization AND u.status = 'reviewed' AND m.review IN ('confirmed', 'corrected')
           ORDER BY a.created_at DESC LIMIT :most""",
        organization=transaction.organization,
        most=MOST_REVIEWED,
    )
    return [ReviewedAnswer(**row) for row in rows]


def columns_of(transaction: Transaction, upload: UUID, sheet: int) -> list[StoredColumn]:
    """The columns of one sheet, in order, as they are mapped now."""
    rows = transaction.all(
        """SELECT m.column_index, m.header, m.profile, m.target FROM field_mappings m
           JOIN file_uploads u ON u.id = m.upload_id AND u.generation = m.generation
           WHERE m.organization_id = :organization AND m.upload_id = :upload AND m.sheet_index = :sheet
           ORDER BY m.column_index""",
        organization=transaction.organization,
        upload=upload,
        sheet=sheet,
    )
    return [StoredColumn(**row) for row in rows]
