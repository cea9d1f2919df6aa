"""What an organization's people have confirmed, by header: it acts on their next file at once.

Memory is derived from corrections: `change` adds and takes away answers in the transaction that stores, undoes or erases
them. Nothing is kept between transactions, so every process knows what is committed.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from leads_pipeline.store.database import Planned, Transaction, as_json
from leads_pipeline.types import ANYWHERE, MemoryEntry, MemoryKey

MOST_SURROUNDINGS = 50
"""How many of the newest surroundings of a header are looked through for some that are like its present ones."""

MOST_VARIANTS = 50
"""How many of the newest answers about near variants of a header are recalled."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Under what something was answered, the field (None: no target), by whom ("": nobody was named), when, and what was
    asked to be done with the cells (None: nothing in particular).
    """

    key: MemoryKey
    target: str | None
    person: str
    at: datetime
    wish: str | None = None


def recall(transaction: Transaction, keys: Iterable[MemoryKey], *, sharable: Collection[str] = ()) -> list[MemoryEntry]:
    """What is remembered for these columns: for the same headers and for near variants of them.

    If the organization shares its memory, this includes what others that share theirs answered about the same headers,
    with one of the fields `sharable`.
    """
    asked = {(key.header, key.neighbours, key.form, key.meaning) for key in keys}
    if not asked:
        return []
    rows = transaction.all(
        f"""WITH asked AS (
                SELECT * FROM jsonb_to_recordset(CAST(:asked AS jsonb))
                    AS a (header text, neighbours text, form text, meaning text)
            ), forms AS (SELECT DISTINCT form FROM asked WHERE form <> ''),
            meanings AS (SELECT DISTINCT meaning FROM asked WHERE meaning <> '')
            SELECT {_FIELDS} FROM (SELECT DISTINCT header, neighbours FROM asked UNION SELECT header, '' FROM asked) a
                JOIN memory_entries m ON m.organization_id = :organization AND m.header_key = a.header
                    AND m.neighbours = a.neighbours
            UNION
            SELECT {_FIELDS} FROM asked a CROSS JOIN LATERAL (
                SELECT * FROM memory_entries WHERE organization_id = :organization AND header_key = a.header
                    AND neighbours <> '' ORDER BY last_at DESC LIMIT :most_surroundings) m
                WHERE left(m.neighbours, 8) = left(a.neighbours, 8) OR right(m.neighbours, 8) = right(a.neighbours, 8)
            UNION
            SELECT {_FIELDS} FROM forms a CROSS JOIN LATERAL (
                SELECT * FROM memory_entries WHERE organization_id = :organization AND form = a.form AND form <> ''
                    AND neighbours = '' ORDER BY last_at DESC LIMIT :most_variants) m
            UNION
            SELECT {_FIELDS} FROM meanings a CROSS JOIN LATERAL (
                SELECT * FROM memory_entries WHERE organization_id = :organization AND meaning = a.meaning
                    AND meaning <> '' AND neighbours = '' ORDER BY last_at DESC LIMIT :most_variants) m""",
        organization=transaction.organization,
        asked=as_json([dict(zip(("header", "neighbours", "form", "meaning"), each, strict=True)) for each in asked]),
        most_surroundings=MOST_SURROUNDINGS,
        most_variants=MOST_VARIANTS,
    )
    found = [
        MemoryEntry(
            key=MemoryKey(row["header_key"], row["value_class"], row["neighbours"], row["form"], row["meaning"]),
            target=row["target"],
            answers=row["answers"],
            person=row["person"],
            age_days=row["age_days"],
            wish=row["transform_wish"],
        )
        for row in rows
    ]
    return found + (_shared(transaction, {header for header, *_ in asked}, sharable) if sharable else [])


_FIELDS = """m.header_key, m.value_class, m.neighbours, m.form, m.meaning, m.target, m.person, m.answers, m.transform_wish,
    extract(epoch FROM now() - m.last_at)::float / 86400 AS age_days"""


def _shared(transaction: Transaction, headers: Iterable[str], fields: Iterable[str]) -> list[MemoryEntry]:
    """What other organizations answered, if this one and they share: who and how many people is not told."""
    rows = transaction.all(
        "SELECT * FROM shared_memory(CAST(:headers AS text[]), CAST(:fields AS text[]))",
        headers=sorted(headers),
        fields=sorted(fields),
    )
    return [
        MemoryEntry(
            key=MemoryKey(row["header_key"], row["value_class"], ANYWHERE),
            target=row["target"],
            answers=row["organizations"],
            age_days=row["age_days"],
            shared=True,
        )
        for row in rows
    ]


def change(transaction: Transaction, *, before: Iterable[Answer], after: Iterable[Answer]) -> None:
    """Forget the answers `before`, remember those `after`."""
    rows: dict[tuple[str, str, str, str | None, str], _Row] = {}
    for by, answers in ((-1, before), (1, after)):
        for answer in answers:
            key = answer.key
            for neighbours in (key.neighbours, ANYWHERE):
                place = (key.header, neighbours, key.value_class, answer.target, answer.person)
                row = rows.setdefault(place, _Row(answer.at))
                row.by += by
                # The newest is known again where it is given again, as it is when somebody repeats an answer.
                row.taken = by < 0 or (row.taken and answer.at < row.at)
                if by > 0 and answer.at >= row.at:
                    row.wish = answer.wish
                row.at = max(row.at, answer.at)
                row.form, row.meaning = key.form or row.form, key.meaning or row.meaning
    if not rows:
        return
    # Sorted, so that two corrections of the same headers take the row locks in the same order.
    ordered = sorted(rows.items(), key=lambda each: tuple(part or "" for part in each[0]))
    names = ("header_key", "neighbours", "value_class", "target", "person")
    changes = as_json([{**dict(zip(names, place, strict=True)), **row.members()} for place, row in ordered])
    taken = any(row.taken for row in rows.values())
    for statement in (_ADD, _TURN_BACK, _FORGET, _NOTE_DISPUTES) if taken else (_ADD, _NOTE_DISPUTES):
        transaction.later(statement, organization=transaction.organization, changes=changes, many=len(ordered))


def forget_person(transaction: Transaction, person: str) -> None:
    """Remember this person's answers as nobody's."""
    transaction.run(
        """WITH theirs AS (
               DELETE FROM memory_entries WHERE organization_id = :organization AND person = :person RETURNING *
           )
           INSERT INTO memory_entries (organization_id, header_key, value_class, neighbours, target, person, answers, last_at,
               form, meaning, disputed, transform_wish)
           SELECT organization_id, header_key, value_class, neighbours, target, '', answers, last_at, form, meaning, disputed,
               transform_wish
           FROM theirs
           ON CONFLICT (organization_id, header_key, neighbours, value_class, (coalesce(target, '')), person) DO UPDATE
           SET answers = memory_entries.answers + excluded.answers,
               last_at = greatest(memory_entries.last_at, excluded.last_at)""",
        organization=transaction.organization,
        person=person,
    )


@dataclass(slots=True)
class _Row:
    """What happens to one row: `by` how many answers it grows, whether the newest may have been taken away, and the newest of
    those that come and go.
    """

    at: datetime
    by: int = 0
    taken: bool = False
    form: str = ""
    meaning: str = ""
    wish: str | None = None

    def members(self) -> dict[str, object]:
        # As `asdict` has them, which copies each.
        return {name: getattr(self, name) for name in self.__slots__}


# The limit tells the planner how many rows there are: it would take a hundred for granted, and read the whole table for them.
_CHANGES = """FROM (SELECT * FROM jsonb_to_recordset(CAST(:changes AS jsonb)) AS r (header_key text, neighbours text,
    value_class text, target text, person text, form text, meaning text, wish text, by integer, taken boolean, at timestamptz)
    LIMIT :many) AS c"""
_SAME_KEY = """m.organization_id = :organization AND m.header_key = c.header_key AND m.neighbours = c.neighbours
    AND m.value_class = c.value_class"""
_SAME_ANSWER = "m.target IS NOT DISTINCT FROM c.target AND m.person = c.person"

_ADD = Planned(f"""
    INSERT INTO memory_entries (organization_id, header_key, value_class, neighbours, target, person, answers, last_at,
        form, meaning, transform_wish)
    SELECT :organization, header_key, value_class, neighbours, target, person, by, at, form, meaning, wish {_CHANGES}
    ON CONFLICT (organization_id, header_key, neighbours, value_class, (coalesce(target, '')), person) DO UPDATE
    SET answers = memory_entries.answers + excluded.answers, form = excluded.form,
        meaning = coalesce(nullif(excluded.meaning, ''), memory_entries.meaning),
        transform_wish = CASE WHEN excluded.answers < 0 THEN memory_entries.transform_wish ELSE excluded.transform_wish END,
        last_at = greatest(memory_entries.last_at, excluded.last_at)""")

# Where an answer was taken away, the newest of those that remain tells when the last was given, and what it asked for.
_TURN_BACK = Planned(f"""
    UPDATE memory_entries m SET last_at = coalesce(c.last_at, m.last_at),
        transform_wish = CASE WHEN c.last_at IS NULL THEN m.transform_wish ELSE c.last_wish END
    FROM (
        SELECT c.*, last.created_at AS last_at, last.transform AS last_wish {_CHANGES} LEFT JOIN LATERAL (
            SELECT a.created_at, a.transform FROM field_mappings f CROSS JOIN LATERAL (
                SELECT corrected, kind, reviewer, transform, created_at FROM user_corrections
                WHERE mapping_id = f.id AND undone_at IS NULL ORDER BY position DESC LIMIT 1) a
            WHERE f.organization_id = :organization AND f.header_key = c.header_key AND f.review IS NOT NULL
              AND f.value_class = c.value_class AND (c.neighbours = '' OR f.neighbours = c.neighbours)
              AND a.kind <> 'unseated' AND a.corrected IS NOT DISTINCT FROM c.target
              AND coalesce(a.reviewer, '') = c.person
            ORDER BY a.created_at DESC LIMIT 1) last ON true
        WHERE c.taken) c
    WHERE {_SAME_KEY} AND {_SAME_ANSWER} AND m.answers > 0""")

_FORGET = Planned(f"DELETE FROM memory_entries m USING (SELECT * {_CHANGES}) c WHERE {_SAME_KEY} AND m.answers <= 0")

_NOTE_DISPUTES = Planned(f"""
    UPDATE memory_entries m SET disputed = NOT m.disputed
    FROM (SELECT DISTINCT header_key, neighbours, value_class {_CHANGES}) c
    WHERE {_SAME_KEY} AND m.disputed <> EXISTS (
        SELECT FROM memory_entries o
        WHERE o.organization_id = :organization AND o.header_key = c.header_key AND o.neighbours = c.neighbours
          AND o.value_class = c.value_class AND o.target IS DISTINCT FROM m.target)""")

STATEMENTS = (_ADD, _TURN_BACK, _FORGET, _NOTE_DISPUTES)
"""What remembering says, to be planned before it is first done."""
