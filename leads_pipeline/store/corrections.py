"""People's answers: what they say about mappings, and what then counts.

What counts for a column is its newest answer that was not undone, or the proposal where there is none. A column whose
single-valued field was given to another one is `unseated`: an answer of ours, that says nothing about what is right, and
so is never remembered.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from leads_pipeline.errors import NotFound, StaleState
from leads_pipeline.store import audit, memory
from leads_pipeline.store.database import Planned, Transaction, as_json
from leads_pipeline.store.ids import new_id
from leads_pipeline.types import MemoryKey


@dataclass(frozen=True, slots=True)
class Correction:
    """One answer, as it comes in: `target` None says that the column has no target. `transform` is what the person wants
    done with the cells (`none`, `split`, `merge`, `value_map`; `auto` for what follows from the mapping), None for what is
    done now if the target stays.
    `as_rest` is for one that was confirmed with the rest of its upload, not by itself.
    """

    mapping_id: UUID
    target: str | None
    comment: str | None = None
    reviewer: str | None = None
    transform: str | None = None
    as_rest: bool = False


@dataclass(frozen=True, slots=True)
class StoredCorrection:
    """One answer, as it is kept. `unseated` names the mappings that lost their field to it."""

    id: UUID
    mapping_id: UUID
    upload_id: UUID
    kind: str
    predicted: str | None
    target: str | None
    unseated: tuple[UUID, ...] = ()


@dataclass(slots=True)
class _Column:
    """A column of a sheet that is being corrected, as it stands: `wish` is what is asked to be done with its cells, `answered`
    is a person's answer that counts, if there is one, `now` the moment of this transaction.
    """

    id: UUID
    upload_id: UUID
    sheet: tuple[UUID, int]
    predicted: str | None
    target: str | None
    wish: str | None
    key: MemoryKey
    answered: memory.Answer | None
    now: datetime


@dataclass(slots=True)
class _Answers:
    """The rows that a batch of answers comes to."""

    rows: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    stored: list[StoredCorrection] = field(default_factory=list[StoredCorrection])


def correct(
    transaction: Transaction,
    corrections: Sequence[Correction],
    *,
    single_valued: Collection[str],
    expected_version: int | None = None,
) -> list[StoredCorrection]:
    """Store answers, let them count, and remember them: all of it, or nothing.

    An answer equal to the proposal confirms it. Giving a column one of the `single_valued` fields unseats the column of
    the same sheet that held it. `expected_version` is what the upload must still be at (412 otherwise).
    Raises `NotFound` for a mapping that is not this organization's, `StaleState` for one that a remap has replaced.
    """
    stored = _keep(transaction, corrections, single_valued, expected_version)
    for upload_id in sorted({each.upload_id for each in stored}):
        _note(transaction, "correction.made", upload_id, [each for each in stored if each.upload_id == upload_id])
    return stored


def review(
    transaction: Transaction,
    upload_id: UUID,
    corrections: Sequence[Correction],
    *,
    rest_confirmed: bool,
    single_valued: Collection[str],
    reviewer: str | None = None,
    expected_version: int | None = None,
) -> list[StoredCorrection]:
    """Store answers about one upload and, if `rest_confirmed`, confirm every column that nobody has answered.

    Raises `StaleState` when the upload has no mappings yet.
    """
    found = transaction.first(
        "SELECT generation, status, version FROM file_uploads WHERE organization_id = :organization AND id = :id FOR UPDATE",
        organization=transaction.organization,
        id=upload_id,
    )
    if found is None:
        raise NotFound(f"There is no upload {upload_id}.")
    if found["generation"] == 0 or found["status"] not in ("mapped", "reviewed"):
        raise StaleState(
            f"Upload {upload_id} is {found['status']}; it can be reviewed once it is mapped.", code="not_mapped"
        )
    known = {row["id"] for row in _current(transaction, upload_id)}
    if foreign := [correction.mapping_id for correction in corrections if correction.mapping_id not in known]:
        raise NotFound(f"Mapping {foreign[0]} does not belong to upload {upload_id}.")
    if expected_version is not None and found["version"] != expected_version:
        raise _changed(upload_id)
    stored = _keep(transaction, corrections, single_valued) if corrections else []
    if rest_confirmed:
        rest = [
            Correction(row["id"], row["target"], reviewer=reviewer, as_rest=True)
            for row in _current(transaction, upload_id)
            if row["review"] in (None, "unseated")
        ]
        if rest:
            stored += _keep(transaction, rest, single_valued)
        transaction.run(
            """UPDATE file_uploads SET status = 'reviewed', reviewed_at = coalesce(reviewed_at, now())
               WHERE id = :id AND reviewed_at IS NULL""",
            id=upload_id,
        )
    _note(transaction, "upload.reviewed" if rest_confirmed else "correction.made", upload_id, stored)
    return stored


def undo(transaction: Transaction, correction_id: UUID, *, single_valued: Collection[str]) -> list[UUID]:
    """Take an answer back, with what it unseated, and return the mappings that changed.

    Raises `NotFound` for an answer that is not there, or was undone already.
    """
    rows = transaction.all(
        """UPDATE user_corrections SET undone_at = now()
           WHERE organization_id = :organization AND undone_at IS NULL AND kind <> 'unseated' AND id = :id
           RETURNING mapping_id""",
        organization=transaction.organization,
        id=correction_id,
    )
    if not rows:
        raise NotFound(f"There is no correction {correction_id}, or it was undone.")
    mapping_id = rows[0]["mapping_id"]
    # Take the locks in the order that `correct` takes them, and look at the sheet as it stands under them.
    columns = _columns_around(transaction, [mapping_id])
    before = _answers_of(transaction, columns, and_undone=correction_id)
    freed = transaction.all(
        """UPDATE user_corrections SET undone_at = now()
           WHERE organization_id = :organization AND caused_by = :id AND undone_at IS NULL RETURNING mapping_id""",
        organization=transaction.organization,
        id=correction_id,
    )
    touched = {mapping_id, *(row["mapping_id"] for row in freed)}
    after = _answers_of(transaction, touched)
    uploads = {columns[each].upload_id for each in touched}
    forgotten = (before[each] for each in touched & before.keys())
    _settle(transaction, uploads, touched, before=forgotten, after=after.values())
    _unseat_doubled(transaction, mapping_id, touched - {mapping_id}, single_valued, correction_id)
    audit.record(transaction, "correction.undone", ("correction", correction_id))
    return sorted(touched)


def answers_in(transaction: Transaction, upload_id: UUID) -> list[memory.Answer]:
    """The answers about an upload that count, in whatever generation: what memory holds of it."""
    rows = transaction.all(
        "SELECT id FROM field_mappings WHERE organization_id = :organization AND upload_id = :id AND review IS NOT NULL",
        organization=transaction.organization,
        id=upload_id,
    )
    return list(_answers_of(transaction, (row["id"] for row in rows)).values())


def _keep(
    transaction: Transaction,
    corrections: Sequence[Correction],
    single_valued: Collection[str],
    expected_version: int | None = None,
) -> list[StoredCorrection]:
    columns = _columns_around(
        transaction,
        [correction.mapping_id for correction in corrections],
        expected_version,
        wanted={correction.target for correction in corrections} & set(single_valued),
    )
    answers = _Answers()
    for correction in corrections:
        _answer(correction, columns, single_valued, answers)
    _give(transaction, answers.rows, columns)
    return answers.stored


def _give(transaction: Transaction, rows: Sequence[Mapping[str, Any]], columns: Mapping[UUID, _Column]) -> None:
    """Store the rows of answers about these columns, the newest last, and let them count."""
    _insert(transaction, rows)
    newest = {row["mapping_id"]: row for row in rows}
    before = (columns[mapping_id].answered for mapping_id in newest)
    after = (
        memory.Answer(column.key, row["corrected"], row.get("reviewer") or "", column.now, row.get("transform"))
        for row, column in ((row, columns[mapping_id]) for mapping_id, row in newest.items())
        if row["kind"] != "unseated"
    )
    uploads = {columns[mapping_id].upload_id for mapping_id in newest}
    _settle(transaction, uploads, newest.keys(), before=filter(None, before), after=after)


def _note(transaction: Transaction, action: str, upload_id: UUID, stored: Sequence[StoredCorrection]) -> None:
    kinds = Counter(each.kind for each in stored)
    audit.record(
        transaction,
        action,
        ("upload", upload_id),
        details={"confirmed": kinds["confirmed"], "corrected": kinds["corrected"]},
    )


def _answer(
    correction: Correction, columns: Mapping[UUID, _Column], single_valued: Collection[str], answers: _Answers
) -> None:
    column = columns[correction.mapping_id]
    kind = "confirmed" if correction.target == column.predicted else "corrected"
    if correction.transform is None:
        column.wish = column.wish if correction.target == column.target else None
    else:
        column.wish = None if correction.transform == "auto" else correction.transform
    row = {
        "id": new_id(),
        "upload_id": column.upload_id,
        "mapping_id": column.id,
        "predicted": column.predicted,
        "corrected": correction.target,
        "kind": kind,
        "caused_by": None,
        "comment": correction.comment,
        "reviewer": correction.reviewer,
        "transform": column.wish,
        "as_rest": correction.as_rest,
    }
    answers.rows.append(row)
    column.target = correction.target
    unseated: list[UUID] = []
    if correction.target is not None and correction.target in single_valued:
        for other in columns.values():
            if other.sheet == column.sheet and other.id != column.id and other.target == correction.target:
                other.target = other.wish = None
                unseated.append(other.id)
                answers.rows.append(_unseating(other, row["id"]))
    answers.stored.append(
        StoredCorrection(
            row["id"], column.id, column.upload_id, kind, column.predicted, correction.target, tuple(unseated)
        )
    )


def _unseating(column: _Column, cause: UUID) -> dict[str, Any]:
    return {
        "id": new_id(),
        "upload_id": column.upload_id,
        "mapping_id": column.id,
        "predicted": column.predicted,
        "corrected": None,
        "kind": "unseated",
        "caused_by": cause,
    }


def _unseat_doubled(
    transaction: Transaction,
    corrected: UUID,
    freed: Collection[UUID],
    single_valued: Collection[str],
    cause: UUID,
) -> None:
    """A field that an undone answer would give back stays with the column that has got it by now."""
    around = _columns_around(transaction, [corrected])
    columns = around.values()
    # Who may keep a field that two columns would have: one that nothing was undone about, then the corrected one.
    rank = {column.id: 0 for column in columns} | dict.fromkeys(freed, 2) | {corrected: 1}
    sheet = next(column.sheet for column in columns if column.id == corrected)
    holders = [column for column in columns if column.sheet == sheet and column.target in single_valued]
    rows = [
        _unseating(column, cause)
        for column in holders
        if any(other.target == column.target and rank[other.id] < rank[column.id] for other in holders)
    ]
    if rows:
        _give(transaction, rows, around)


def _columns_around(
    transaction: Transaction,
    mapping_ids: Collection[UUID],
    expected_version: int | None = None,
    wanted: Collection[str | None] | None = None,
) -> dict[UUID, _Column]:
    """All columns of the sheets that these mappings stand in, their uploads locked; of the columns that are none of these,
    only those with a target in `wanted`, if that is given.
    """
    # By itself, so that the columns are read as they are once the uploads are locked.
    transaction.later(
        _LOCK_UPLOADS,
        organization=transaction.organization,
        ids=list(mapping_ids),
    )
    rows = transaction.all(
        _COLUMNS_AROUND,
        organization=transaction.organization,
        ids=list(mapping_ids),
        all=wanted is None,
        wanted=list(wanted or ()),
    )
    columns = {row["id"]: _column(row) for row in rows}
    for row in rows:
        if expected_version is not None and row["version"] != expected_version:
            raise _changed(row["upload_id"])
    outdated = {row["id"] for row in rows if not row["counts"]}
    for mapping_id in mapping_ids:
        if mapping_id not in columns:
            raise NotFound(f"There is no mapping {mapping_id}.")
        if mapping_id in outdated:
            raise StaleState(
                f"Mapping {mapping_id} was replaced when its upload was mapped again; read the mappings anew.",
                code="mapping_superseded",
            )
    return columns


def _column(row: Mapping[str, Any]) -> _Column:
    key = MemoryKey(row["header_key"], row["value_class"], row["neighbours"], row["header_form"], row["header_meaning"])
    said = row["kind"] not in (None, "unseated")
    return _Column(
        row["id"],
        row["upload_id"],
        (row["upload_id"], row["sheet_index"]),
        row["predicted"],
        row["target"],
        row["transform_wish"],
        key,
        memory.Answer(key, row["corrected"], row["reviewer"] or "", row["created_at"], row["transform"])
        if said
        else None,
        row["now"],
    )


def _insert(transaction: Transaction, rows: Sequence[Mapping[str, Any]]) -> None:
    transaction.later(
        _INSERT,
        organization=transaction.organization,
        rows=as_json([{"n": n, **row} for n, row in enumerate(rows)]),
    )


def _changed(upload_id: UUID) -> StaleState:
    return StaleState(
        f"Upload {upload_id} has changed since you read it; read it again and decide anew.",
        code="precondition_failed",
        status=412,
        title="The upload has changed",
    )


def _current(transaction: Transaction, upload_id: UUID) -> Sequence[Mapping[str, Any]]:
    return transaction.all(
        """SELECT m.id, m.target, m.review FROM field_mappings m
           JOIN file_uploads u ON u.id = m.upload_id AND u.generation = m.generation
           WHERE m.organization_id = :organization AND m.upload_id = :id ORDER BY m.sheet_index, m.column_index""",
        organization=transaction.organization,
        id=upload_id,
    )


def _answers_of(
    transaction: Transaction, mapping_ids: Iterable[UUID], *, and_undone: UUID | None = None
) -> dict[UUID, memory.Answer]:
    """The answer that counts for each of these mappings, where a person gave one.

    `and_undone` is an answer just undone that is to count as if it were not yet.
    """
    rows = transaction.all(
        """SELECT m.id, m.header_key, m.value_class, m.neighbours, m.header_form, m.header_meaning, c.corrected, c.reviewer,
                  c.transform, c.created_at
           FROM field_mappings m CROSS JOIN LATERAL (
               SELECT corrected, kind, reviewer, transform, created_at FROM user_corrections
               WHERE mapping_id = m.id AND (undone_at IS NULL OR id = :undone) ORDER BY position DESC LIMIT 1) c
           WHERE m.organization_id = :organization AND m.id = ANY(:ids) AND c.kind <> 'unseated'""",
        organization=transaction.organization,
        ids=list(mapping_ids),
        undone=and_undone,
    )
    return {
        row["id"]: memory.Answer(
            MemoryKey(
                row["header_key"], row["value_class"], row["neighbours"], row["header_form"], row["header_meaning"]
            ),
            row["corrected"],
            row["reviewer"] or "",
            row["created_at"],
            row["transform"],
        )
        for row in rows
    }


def _settle(
    transaction: Transaction,
    uploads: Collection[UUID],
    touched: Collection[UUID],
    *,
    before: Iterable[memory.Answer],
    after: Iterable[memory.Answer],
) -> None:
    """Let the answers count: in memory, where those `before` make way for those `after`, in the mappings `touched`, and in
    the figures of their uploads.
    """
    memory.change(transaction, before=before, after=after)
    transaction.later(
        _LET_COUNT,
        organization=transaction.organization,
        ids=list(touched),
    )
    transaction.later(
        _COUNT,
        organization=transaction.organization,
        uploads=list(uploads),
    )


_LOCK_UPLOADS = Planned(
    """SELECT FROM file_uploads
       WHERE organization_id = :organization AND id IN (
           SELECT upload_id FROM field_mappings WHERE organization_id = :organization AND id = ANY(:ids))
       ORDER BY id FOR UPDATE"""
)

_COLUMNS_AROUND = Planned(
    """SELECT m.id, m.upload_id, m.sheet_index, m.predicted, m.target, m.header_key, m.value_class, m.neighbours,
              m.header_form, m.header_meaning, m.transform_wish, m.generation = u.generation AS counts, u.version,
              now() AS now, a.kind, a.corrected, a.reviewer, a.transform, a.created_at
       FROM (SELECT DISTINCT upload_id, generation, sheet_index FROM field_mappings
             WHERE organization_id = :organization AND id = ANY(:ids)) s
       JOIN field_mappings m USING (upload_id, generation, sheet_index) JOIN file_uploads u ON u.id = m.upload_id
       LEFT JOIN LATERAL (
           SELECT kind, corrected, reviewer, transform, created_at FROM user_corrections
           WHERE m.review IS NOT NULL AND mapping_id = m.id AND undone_at IS NULL
           ORDER BY position DESC LIMIT 1) a ON true
       WHERE m.organization_id = :organization
         AND (:all OR m.id = ANY(:ids) OR m.target = ANY(CAST(:wanted AS text[])))
       ORDER BY m.sheet_index, m.column_index"""
)

_INSERT = Planned(
    """INSERT INTO user_corrections (id, organization_id, upload_id, mapping_id, predicted, corrected, kind,
           caused_by, comment, reviewer, transform, as_rest)
       SELECT id, :organization, upload_id, mapping_id, predicted, corrected, kind, caused_by, comment, reviewer,
              transform, coalesce(as_rest, false)
       FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS c (n integer, id uuid, upload_id uuid, mapping_id uuid,
            predicted text, corrected text, kind text, caused_by uuid, comment text, reviewer text,
            transform text, as_rest boolean) ORDER BY n"""
)

_LET_COUNT = Planned(
    """UPDATE field_mappings m
       SET review = a.kind, transform_wish = CASE WHEN a.kind IS NULL THEN m.transform_remembered ELSE a.transform END,
           target = CASE WHEN a.kind IS NULL THEN m.predicted ELSE a.corrected END,
           applied = CASE WHEN a.kind IS NULL THEN m.auto_applied ELSE a.corrected IS NOT NULL END
       FROM unnest(CAST(:ids AS uuid[])) t (id) LEFT JOIN LATERAL (
           SELECT kind, corrected, transform FROM user_corrections
           WHERE mapping_id = t.id AND undone_at IS NULL ORDER BY position DESC LIMIT 1) a ON true
       WHERE m.organization_id = :organization AND m.id = t.id"""
)

_COUNT = Planned(
    """UPDATE file_uploads u
       SET version = u.version + 1, mapped_count = f.mapped, reviewed_count = f.reviewed,
           corrected_count = f.corrected, status = CASE WHEN f.reviewed = f.columns THEN 'reviewed' ELSE 'mapped' END,
           reviewed_at = CASE WHEN f.reviewed = f.columns THEN coalesce(u.reviewed_at, now()) END
       FROM (
           SELECT m.upload_id, count(*) AS columns, count(m.target) AS mapped,
                  count(*) FILTER (WHERE m.review IN ('confirmed', 'corrected')) AS reviewed,
                  count(*) FILTER (WHERE m.review IS NOT NULL AND m.target IS DISTINCT FROM m.predicted) AS corrected
           FROM field_mappings m JOIN file_uploads v ON v.id = m.upload_id AND v.generation = m.generation
           WHERE m.organization_id = :organization AND v.id = ANY(:uploads)
           GROUP BY m.upload_id) f
       WHERE u.organization_id = :organization AND u.id = ANY(:uploads) AND u.id = f.upload_id"""
)

STATEMENTS = (_LOCK_UPLOADS, _COLUMNS_AROUND, _INSERT, _LET_COUNT, _COUNT, *memory.STATEMENTS, audit.RECORD)
"""What a correction says, to be planned before the first one comes."""
