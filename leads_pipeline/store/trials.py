"""Trials of models: which one is tried beside the champion, what both said of each upload, and who was right.

What the figures mean for a decision is `training.sequential`'s business.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from leads_pipeline.store.database import Transaction, as_json
from leads_pipeline.store.ids import new_id
from leads_pipeline.store.models import Model


@dataclass(frozen=True, slots=True)
class Shadow:
    """What the other model of a trial said of an upload. `different` are [sheet, column, field or None, confidence] where it
    said otherwise; `by_challenger`: the challenger mapped the upload, and the champion was the shadow.
    """

    experiment: UUID
    by_challenger: bool
    milliseconds: float
    shadow_milliseconds: float
    columns: int
    different: Sequence[Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Trial:
    """An experiment. `kind` is `trial`, or `probation` where the champion before is tried beside the new one."""

    id: UUID
    organization_id: UUID | None
    kind: str
    champion_id: UUID
    challenger_id: UUID
    share: float
    outcome: str
    reason: str | None
    evidence: Mapping[str, Any]
    started_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Reviewed:
    """An upload of a trial that people reviewed as a whole: columns that only the challenger, only the champion had right."""

    upload_id: UUID
    by_challenger: bool
    wins: int
    losses: int


@dataclass(frozen=True, slots=True)
class Standing:
    """How a model does in a trial, as of the last look: beside model `against`, columns of reviewed uploads on which it alone
    was right, or the other alone (`wrong_alone`).
    """

    kind: str
    against: int
    share: float
    outcome: str
    reviewed_uploads: int
    right_alone: int
    wrong_alone: int
    started_at: datetime
    ended_at: datetime | None


def save_shadow(transaction: Transaction, upload: UUID, generation: int, shadow: Shadow) -> None:
    """Keep what the shadow said, unless the trial has ended meanwhile."""
    transaction.run(
        """INSERT INTO shadow_mappings (experiment_id, organization_id, upload_id, generation, by_challenger, milliseconds,
               shadow_milliseconds, columns, different)
           SELECT id, :organization, :upload, :generation, :by_challenger, :milliseconds, :shadow_milliseconds, :columns,
                  CAST(:different AS jsonb) FROM experiments WHERE id = :experiment AND outcome = 'running'
           ON CONFLICT DO NOTHING""",
        experiment=shadow.experiment,
        organization=transaction.organization,
        upload=upload,
        generation=generation,
        by_challenger=shadow.by_challenger,
        milliseconds=shadow.milliseconds,
        shadow_milliseconds=shadow.shadow_milliseconds,
        columns=shadow.columns,
        different=as_json(shadow.different),
    )


def begin(transaction: Transaction, kind: str, champion: Model, challenger: Model, share: float) -> UUID:
    """Try a model beside the champion. Needs `champions.lock_scope`."""
    trial = new_id()
    transaction.run(
        """INSERT INTO experiments (id, organization_id, kind, champion_id, challenger_id, share)
           VALUES (:id, :owner, :kind, :champion, :challenger, :share)""",
        id=trial,
        owner=challenger.organization_id if kind == "trial" else champion.organization_id,
        kind=kind,
        champion=champion.id,
        challenger=challenger.id,
        share=share,
    )
    if kind == "trial":
        transaction.run("UPDATE mapping_models SET status = 'challenger' WHERE id = :id", id=challenger.id)
    return trial


def end(transaction: Transaction, trial: UUID, outcome: str, reason: str) -> None:
    """Write down how a trial ended. The challenger's own state is the caller's to change."""
    transaction.run(
        """UPDATE experiments SET outcome = :outcome, reason = :reason, ended_at = now()
           WHERE id = :id AND outcome = 'running'""",
        id=trial,
        outcome=outcome,
        reason=reason,
    )


def reject(transaction: Transaction, challenger: UUID, reason: str) -> None:
    """The challenger is not tried again."""
    transaction.run(
        """UPDATE mapping_models SET status = 'rejected', reason = :reason, ended_at = now()
           WHERE id = :id AND status = 'challenger'""",
        id=challenger,
        reason=reason,
    )


def note(transaction: Transaction, trial: UUID, evidence: Mapping[str, Any]) -> None:
    """Write down what the evidence is by now."""
    transaction.run(
        "UPDATE experiments SET evidence = CAST(:evidence AS jsonb) WHERE id = :id",
        id=trial,
        evidence=as_json(evidence),
    )


def running(transaction: Transaction) -> list[Trial]:
    """The trials that are going on, of every scope."""
    return [Trial(**row) for row in transaction.all(f"{_TRIALS} WHERE outcome = 'running' ORDER BY started_at")]


def newest(transaction: Transaction, *, limit: int = 20) -> list[Trial]:
    """Trials, newest first."""
    return [Trial(**row) for row in transaction.all(f"{_TRIALS} ORDER BY started_at DESC LIMIT :limit", limit=limit)]


def standings(transaction: Transaction, models: Sequence[UUID]) -> dict[UUID, Standing]:
    """The newest trial of each of these models that has had one, by model: as challenger, or as a champion on probation."""
    rows = transaction.all(
        """WITH seen AS (
               SELECT *, CASE kind WHEN 'trial' THEN challenger_id ELSE champion_id END AS model,
                      CASE kind WHEN 'trial' THEN champion_id ELSE challenger_id END AS opponent,
                      CASE kind WHEN 'trial' THEN evidence -> 'wins' ELSE evidence -> 'losses' END AS ours,
                      CASE kind WHEN 'trial' THEN evidence -> 'losses' ELSE evidence -> 'wins' END AS theirs
               FROM experiments)
           SELECT DISTINCT ON (s.model) s.model, s.kind, m.version AS against, s.share, s.outcome, s.started_at, s.ended_at,
                  coalesce((s.evidence -> 'reviewed_uploads')::integer, 0) AS reviewed_uploads,
                  coalesce(s.ours::integer, 0) AS right_alone, coalesce(s.theirs::integer, 0) AS wrong_alone
           FROM seen s JOIN mapping_models m ON m.id = s.opponent
           WHERE s.model = ANY(:models) ORDER BY s.model, s.started_at DESC""",
        models=list(models),
    )
    return {row["model"]: Standing(**{name: row[name] for name in row if name != "model"}) for row in rows}


def had_probation(transaction: Transaction, champion: UUID) -> bool:
    """Whether a champion has been on probation, or is."""
    return bool(
        transaction.value(
            "SELECT EXISTS (SELECT FROM experiments WHERE champion_id = :id AND kind = 'probation')", id=champion
        )
    )


_TRIALS = """SELECT id, organization_id, kind, champion_id, challenger_id, share, outcome, reason, evidence, started_at,
    ended_at FROM experiments"""


def reviewed(transaction: Transaction, trial: UUID) -> list[Reviewed]:
    """The uploads of a trial that were reviewed as a whole, in the order of their review.

    Only columns that the models answered count: what memory, a rule or a language model said is the same for both.
    """
    rows = transaction.all(
        """SELECT s.upload_id, s.by_challenger,
                  count(m.id) FILTER (WHERE (d.said IS NOT DISTINCT FROM m.target) AND NOT s.by_challenger
                                         OR (m.predicted IS NOT DISTINCT FROM m.target) AND s.by_challenger) AS wins,
                  count(m.id) FILTER (WHERE (d.said IS NOT DISTINCT FROM m.target) AND s.by_challenger
                                         OR (m.predicted IS NOT DISTINCT FROM m.target) AND NOT s.by_challenger) AS losses
           FROM shadow_mappings s
           JOIN file_uploads u ON u.id = s.upload_id AND u.generation = s.generation AND u.status = 'reviewed'
           LEFT JOIN LATERAL (
               SELECT (each ->> 0)::integer AS sheet, (each ->> 1)::integer AS place, each ->> 2 AS said
               FROM jsonb_array_elements(s.different) AS each) d ON true
           LEFT JOIN field_mappings m ON m.upload_id = s.upload_id AND m.generation = s.generation
               AND m.sheet_index = d.sheet AND m.column_index = d.place AND m.method = 'model' AND m.review IS NOT NULL
               AND m.predicted IS DISTINCT FROM d.said
           WHERE s.experiment_id = :id
           GROUP BY s.upload_id, s.by_challenger, u.reviewed_at ORDER BY u.reviewed_at, s.upload_id""",
        id=trial,
    )
    return [Reviewed(**row) for row in rows]


def speed(transaction: Transaction, trial: UUID) -> Mapping[str, Any]:
    """Uploads of a trial, columns that both models were asked, and the median milliseconds of each model for a file."""
    return transaction.one(
        """SELECT count(*) AS uploads, coalesce(sum(columns), 0)::bigint AS columns,
                  count(*) FILTER (WHERE by_challenger) AS by_challenger,
                  percentile_cont(0.5) WITHIN GROUP (
                      ORDER BY CASE WHEN by_challenger THEN shadow_milliseconds ELSE milliseconds END) AS champion,
                  percentile_cont(0.5) WITHIN GROUP (
                      ORDER BY CASE WHEN by_challenger THEN milliseconds ELSE shadow_milliseconds END) AS challenger
           FROM shadow_mappings WHERE experiment_id = :id""",
        id=trial,
    )


def state(transaction: Transaction) -> str | None:
    """A word that changes when a trial may be due or has new evidence; None where there is nothing to look at."""
    return transaction.value(
        """SELECT nullif(concat_ws(' ',
               (SELECT string_agg(id || ':' || status, ',' ORDER BY version) FROM mapping_models
                WHERE status IN ('candidate', 'challenger') OR (status = 'champion' AND replaced IS NOT NULL)),
               (SELECT string_agg(e.id || ':' || (
                    SELECT count(*) FROM shadow_mappings s JOIN file_uploads u ON u.id = s.upload_id
                        AND u.generation = s.generation AND u.status = 'reviewed' WHERE s.experiment_id = e.id), ',')
                FROM experiments e WHERE e.outcome = 'running')), '')"""
    )
