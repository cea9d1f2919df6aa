"""The summaries of weeks: what each week came to, in words and figures."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from leads_pipeline.store.database import SYSTEM, Transaction, as_json
from leads_pipeline.store.ids import new_id


def organizations_with_files(transaction: Transaction, since: date, until: date) -> list[UUID]:
    """Whose files were mapped from `since` to before `until`. Needs the system's scope."""
    rows = transaction.all(
        "SELECT DISTINCT organization_id FROM performance_uploads WHERE day >= :since AND day < :until ORDER BY 1",
        since=since,
        until=until,
    )
    return [row["organization_id"] for row in rows]


def save(transaction: Transaction, monday: date, body: str, figures: Mapping[str, Any]) -> None:
    """Keep the summary of the week from `monday` on, in place of an earlier one: the organization's, or the deployment's."""
    transaction.run(
        """INSERT INTO weekly_summaries (id, organization_id, monday, body, figures)
           VALUES (:id, CAST(:organization AS uuid), :monday, :body, CAST(:figures AS jsonb))
           ON CONFLICT ((coalesce(organization_id, '00000000-0000-0000-0000-000000000000'::uuid)), monday)
           DO UPDATE SET body = excluded.body, figures = excluded.figures, written_at = now()""",
        id=new_id(),
        organization=None if transaction.scope is SYSTEM else transaction.organization,
        monday=monday,
        body=body,
        figures=as_json(figures),
    )


def newest(transaction: Transaction) -> dict[str, Any] | None:
    """The newest summary of the transaction's organization, or of the deployment; None where there is none."""
    whose = "organization_id IS NULL" if transaction.scope is SYSTEM else "organization_id = :organization"
    return transaction.first(
        f"SELECT monday, body, figures, written_at FROM weekly_summaries WHERE {whose} ORDER BY monday DESC LIMIT 1",
        organization=None if transaction.scope is SYSTEM else transaction.organization,
    )
