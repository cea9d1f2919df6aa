"""Withdrawal: what has learned from examples that are gone maps nobody any more, and is built again without them.

A training dataset is withdrawn with the first of its examples, by a trigger on whoever deletes them, or because a scan found
somebody in it. What follows is told by the rows alone and done by `settle`, by whoever comes first: an erasure itself, the
sensor that looks for what to learn, a training, a trial. All of it needs the system's scope.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from leads_pipeline.store import audit, champions, dataset_requests, models
from leads_pipeline.store.database import Transaction
from leads_pipeline.store.models import Model

BECAUSE = "The dataset that it had learned from was withdrawn."


def settle(transaction: Transaction) -> None:
    """Withdraw the models whose dataset is withdrawn: their artifacts go, and fine-tuning on such a dataset is given up.

    A champion among them gives way to the newest champion before it that is left; where an organization has none, the shared
    champion maps.
    """
    for owner in _scopes_to_settle(transaction):
        champions.lock_scope(transaction, owner)
        found = [
            models.get(transaction, row["id"])
            for row in transaction.all(f"{_UNSETTLED} ORDER BY m.version", owner=owner)
        ]
        for model in found:
            _withdraw(transaction, model)
        for model in found:
            if model.status == "champion":
                champions.succeed(transaction, model)
    transaction.run(
        """UPDATE fine_tuning_jobs j SET cancel_asked_at = CASE WHEN state = 'candidate' THEN cancel_asked_at ELSE now() END,
               state = CASE WHEN state = 'candidate' THEN 'rejected' ELSE state END, changed_at = now()
           FROM training_datasets d WHERE d.id = j.dataset_id AND d.status = 'withdrawn'
             AND (state = 'candidate' OR state IN ('waiting', 'training', 'evaluating') AND cancel_asked_at IS NULL)"""
    )


def _scopes_to_settle(transaction: Transaction) -> list[UUID | None]:
    rows = transaction.all(
        """SELECT DISTINCT m.organization_id FROM mapping_models m JOIN training_datasets d ON d.id = m.dataset_id
           WHERE d.status = 'withdrawn' AND m.withdrawn_at IS NULL ORDER BY 1 NULLS FIRST"""
    )
    return [row["organization_id"] for row in rows]


_UNSETTLED = """SELECT m.id FROM mapping_models m JOIN training_datasets d ON d.id = m.dataset_id
    WHERE d.status = 'withdrawn' AND m.withdrawn_at IS NULL AND m.organization_id IS NOT DISTINCT FROM :owner"""


def _withdraw(transaction: Transaction, model: Model) -> None:
    transaction.run(
        """UPDATE experiments SET outcome = CASE kind WHEN 'probation' THEN 'kept' ELSE 'stopped' END, ended_at = now(),
               reason = :because WHERE outcome = 'running' AND challenger_id = :id""",
        id=model.id,
        because=BECAUSE,
    )
    transaction.run("DELETE FROM mapping_model_chunks WHERE model_id = :id", id=model.id)
    # Whom it had replaced is what a rollback past it goes back to.
    transaction.run(
        "UPDATE mapping_models m SET replaced = w.replaced FROM mapping_models w WHERE w.id = :id AND m.replaced = w.id",
        id=model.id,
    )
    transaction.run(
        """UPDATE mapping_models SET status = 'rejected', reason = :because, withdrawn_at = now(), artifact_bytes = 0,
               ended_at = coalesce(ended_at, now()), metrics = jsonb_set(metrics, '{corrections,not_right}', '[]', false)
           WHERE id = :id""",
        id=model.id,
        because=BECAUSE,
    )
    audit.record(transaction, "model.withdrawn", ("model", model.version), organization=model.organization_id)


# --- In its place --------------------------------------------------------------------------------------------------


def ask_again(transaction: Transaction) -> None:
    """Ask for a dataset in place of the newest of each scope where that has lost examples, as it was asked for.

    Not while an erasure is at work, which may take more of them; and not in place of one that a scan has withdrawn, since it
    would come out the same.
    """
    lost = transaction.all(
        """SELECT d.organization_id, d.parameters FROM training_datasets d
           WHERE d.status = 'withdrawn'
             AND NOT EXISTS (SELECT FROM training_datasets n
                             WHERE n.organization_id IS NOT DISTINCT FROM d.organization_id AND n.version > d.version)
             AND NOT EXISTS (SELECT FROM dataset_requests r
                             WHERE r.organization_id IS NOT DISTINCT FROM d.organization_id AND r.created_at >= d.withdrawn_at)
             AND NOT EXISTS (SELECT FROM erasures WHERE state = 'running' AND NOT dry_run)
             AND (d.lineage ->> 'examples')::bigint > (SELECT count(*) FROM dataset_examples e WHERE e.dataset_id = d.id)"""
    )
    for row in lost:
        dataset_requests.ask(transaction, row["organization_id"], row["parameters"])


def to_rebuild(transaction: Transaction) -> list[dict[str, Any]]:
    """Scopes whose newest model is withdrawn and for which no dataset is awaited: `organization_id`, `organization`."""
    return transaction.all(
        """SELECT w.organization_id, o.name AS organization
           FROM (SELECT DISTINCT ON (organization_id) organization_id, withdrawn_at FROM mapping_models
                 WHERE NOT shipped ORDER BY organization_id, version DESC) w
           LEFT JOIN organizations o ON o.id = w.organization_id
           WHERE w.withdrawn_at IS NOT NULL AND NOT EXISTS (
               SELECT FROM dataset_requests r WHERE r.organization_id IS NOT DISTINCT FROM w.organization_id
                 AND r.state IN ('waiting', 'running'))
           ORDER BY 2 NULLS FIRST"""
    )


def lost_its_champion(transaction: Transaction, owner: UUID | None) -> bool:
    """Whether a champion of this scope was withdrawn, and no model was trained since to take its place."""
    return transaction.value(
        """SELECT EXISTS (SELECT FROM mapping_models w WHERE w.organization_id IS NOT DISTINCT FROM :owner
               AND w.withdrawn_at IS NOT NULL AND w.promoted_at IS NOT NULL AND NOT EXISTS (
                   SELECT FROM mapping_models m WHERE m.organization_id IS NOT DISTINCT FROM :owner
                     AND NOT m.shipped AND m.created_at > w.withdrawn_at))""",
        owner=owner,
    )


# --- What was withdrawn --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """Versions that had learned from what is gone: of datasets `scope:version`, of models their numbers; and how many models
    a service has fine-tuned, or was at.
    """

    datasets: Sequence[str]
    models: Sequence[str]
    fine_tuned: int


def withdrawn(transaction: Transaction, datasets: Collection[UUID]) -> Withdrawn:
    """These datasets and what had learned from them, as a certificate names them."""
    ids = list(datasets)
    versions = transaction.all(
        """SELECT coalesce(organization_id::text, 'shared') || ':' || version AS name FROM training_datasets
           WHERE id = ANY(CAST(:ids AS uuid[])) ORDER BY organization_id NULLS FIRST, version""",
        ids=ids,
    )
    learned = transaction.all(
        """SELECT version::text AS name FROM mapping_models
           WHERE dataset_id = ANY(CAST(:ids AS uuid[])) AND withdrawn_at IS NOT NULL ORDER BY version""",
        ids=ids,
    )
    tuned = transaction.value(
        """SELECT count(*) FROM fine_tuning_jobs
           WHERE dataset_id = ANY(CAST(:ids AS uuid[])) AND (service_job IS NOT NULL OR model IS NOT NULL)""",
        ids=ids,
    )
    return Withdrawn([row["name"] for row in versions], [row["name"] for row in learned], tuned)
