"""What a training reads: the columns of a dataset with what is right for them, and what people have corrected since."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from leads_pipeline.store.database import Transaction

COLUMNS = (
    "organization_id", "template", "family", "column_index", "header", "profile", "target", "evidence", "split", "weight",
    "agreement", "correction_id",
)  # fmt: skip
"""What `rows` tells of a column, in this order."""


def rows(transaction: Transaction, dataset: UUID) -> Iterator[Sequence[Sequence[Any]]]:
    """The columns of a dataset, layout by layout, some thousand at a time, as in `COLUMNS`."""
    yield from transaction.stream(
        """SELECT d.organization_id, encode(e.template, 'hex'), encode(e.family, 'hex'), e.column_index, e.header, e.profile,
                  d.target, d.evidence, d.split, d.weight, d.agreement, d.correction_id
           FROM dataset_examples d JOIN training_examples e ON e.id = d.example_id
           WHERE d.dataset_id = :id ORDER BY d.position""",
        id=dataset,
    )


def corrections_since(
    transaction: Transaction, owner: UUID | None, since: datetime | None, until: datetime
) -> list[dict[str, Any]]:
    """What people corrected in a scope after `since` up to `until`, with whether there is an example of the column."""
    return transaction.all(
        """SELECT c.id, e.id IS NOT NULL AS has_example, coalesce(e.header, '') AS header, c.corrected AS target,
                  e.organization_id, encode(e.template, 'hex') AS template, e.column_index
           FROM user_corrections c JOIN organizations o ON o.id = c.organization_id
           LEFT JOIN training_examples e ON e.mapping_id = c.mapping_id
           WHERE c.kind = 'corrected' AND c.undone_at IS NULL AND c.created_at <= :until
             AND (CAST(:since AS timestamptz) IS NULL OR c.created_at > :since)
             AND CASE WHEN CAST(:owner AS uuid) IS NULL THEN o.share_training ELSE c.organization_id = :owner END
           ORDER BY c.created_at, c.id LIMIT 100000""",
        owner=owner,
        since=since,
        until=until,
    )


def news(transaction: Transaction) -> list[dict[str, Any]]:
    """For each scope with a dataset in force: how many corrections its newest one holds that its last model's did not.

    A model that was withdrawn counts as if it had never been.
    """
    return transaction.all(
        """WITH newest AS (
               SELECT DISTINCT ON (organization_id) id, organization_id, version FROM training_datasets
               WHERE status = 'frozen' ORDER BY organization_id, version DESC
           ), learned AS (
               SELECT DISTINCT ON (organization_id) organization_id, dataset_id FROM mapping_models
               WHERE NOT shipped AND withdrawn_at IS NULL ORDER BY organization_id, version DESC
           )
           SELECT n.organization_id, o.name AS organization, n.version, count(d.correction_id) AS corrections
           FROM newest n LEFT JOIN organizations o ON o.id = n.organization_id
           LEFT JOIN learned l ON l.organization_id IS NOT DISTINCT FROM n.organization_id
           JOIN dataset_examples d ON d.dataset_id = n.id AND d.evidence = 'corrected' AND d.weight > 0
           WHERE l.dataset_id IS DISTINCT FROM n.id AND NOT EXISTS (
               SELECT FROM dataset_examples b WHERE b.dataset_id = l.dataset_id AND b.correction_id = d.correction_id)
           GROUP BY 1, 2, 3 ORDER BY 4 DESC"""
    )
