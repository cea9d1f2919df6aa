"""What an organization's people have confirmed, by header: it acts on their next file at once.

Memory is derived from corrections: `change` adds and takes away answers in the transaction that stores or undoes them.
"""

from collections import Counter
from collections.abc import Iterable, Mapping

from leads_pipeline.store.database import Transaction, as_json
from leads_pipeline.types import MemoryEntry, MemoryKey

Answer = tuple[MemoryKey, str | None]
"""Under what something was answered, and the field, None for "no target"."""


def recall(transaction: Transaction, headers: Iterable[str]) -> list[MemoryEntry]:
    """What is remembered for these normalised headers, in whatever surroundings. `conflicts` counts, for each entry,
    the answers for the same key that named something else.
    """
    rows = transaction.all(
        """SELECT header_key, value_class, neighbours, target, support,
                  sum(support) OVER (PARTITION BY header_key, value_class, neighbours) - support AS conflicts
           FROM memory_entries WHERE organization_id = :organization AND header_key = ANY(:headers)""",
        organization=transaction.organization,
        headers=sorted(set(headers)),
    )
    return [
        MemoryEntry(
            key=MemoryKey(row["header_key"], row["value_class"], row["neighbours"]),
            target=row["target"],
            support=row["support"],
            conflicts=int(row["conflicts"]),
        )
        for row in rows
    ]


def change(transaction: Transaction, *, before: Iterable[Answer], after: Iterable[Answer]) -> None:
    """Forget the answers `before`, remember those `after`."""
    difference: Mapping[Answer, int] = Counter(after)
    difference.subtract(Counter(before))
    # Sorted, so that two corrections of the same headers take the row locks in the same order.
    changes = sorted(
        (
            {
                "header_key": key.header,
                "value_class": key.value_class,
                "neighbours": key.neighbours,
                "target": target,
                "by": by,
            }
            for (key, target), by in difference.items()
            if by
        ),
        key=lambda change: (
            change["header_key"],
            change["value_class"],
            change["neighbours"],
            change["target"] or "",
        ),
    )
    if not changes:
        return
    transaction.run(
        """INSERT INTO memory_entries (organization_id, header_key, value_class, neighbours, target, support)
           SELECT :organization, header_key, value_class, neighbours, target, by
           FROM jsonb_to_recordset(CAST(:changes AS jsonb)) AS c (header_key text, value_class text, neighbours text,
                target text, by integer)
           ON CONFLICT (organization_id, header_key, value_class, neighbours, (coalesce(target, ''))) DO UPDATE
           SET support = memory_entries.support + excluded.support,
               last_at = CASE WHEN excluded.support > 0 THEN now() ELSE memory_entries.last_at END""",
        organization=transaction.organization,
        changes=as_json(changes),
    )
    transaction.run(
        """DELETE FROM memory_entries m
           USING jsonb_to_recordset(CAST(:changes AS jsonb)) AS c (header_key text, value_class text, neighbours text)
           WHERE m.organization_id = :organization AND m.header_key = c.header_key AND m.value_class = c.value_class
             AND m.neighbours = c.neighbours AND m.support <= 0""",
        organization=transaction.organization,
        changes=as_json(changes),
    )
