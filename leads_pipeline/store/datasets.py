"""Training datasets: examples selected, deduplicated, scored and split by the database, and frozen under a number.

Everything that looks at single examples is one of a few statements over sets; what comes out of here are counts, and rows
as a stream. What the counts mean is `training`'s business.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from leads_pipeline.errors import NotFound, StaleState
from leads_pipeline.store import audit
from leads_pipeline.store.database import Transaction, as_json
from leads_pipeline.store.ids import new_id

REASONS = ("unreviewed", "disputed", "old", "seen once", "unusual values", "reviewer often disagrees")
"""Why an example is worth less than it could be; bit n of `dataset_examples.reasons` is the n-th."""

TEST_PERCENT, VALIDATION_PERCENT = 10, 10
"""Shares of template families. Which family goes where is a matter of its hash, and so is for good."""
HELD_OUT_ORGANIZATIONS = 20
"""Of so many organizations one is held out as a whole, where a dataset has so many."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which examples are wanted. `organizations` None: the organization in `owner`, or all that share."""

    owner: UUID | None
    organizations: Sequence[UUID]
    evidence: Sequence[str]
    min_confidence: float
    unreviewed_weight: float
    since: datetime | None
    until: datetime | None
    max_per_field: int | None
    known_fields: Sequence[str] | None
    feature_version: int


@dataclass(frozen=True, slots=True)
class Dataset:
    """A version, without its examples. `organization_id` None: shared."""

    id: UUID
    organization_id: UUID | None
    organization: str | None
    version: int
    status: str
    parameters: Mapping[str, Any]
    content_hash: bytes | None
    example_count: int
    counts: Mapping[str, Any]
    quality_score: float | None
    quality_reasons: Sequence[Mapping[str, Any]]
    card: Mapping[str, Any]
    lineage: Mapping[str, Any]
    created_at: datetime
    frozen_at: datetime | None
    withdrawn_at: datetime | None
    withdrawn_because: str | None


def organizations_in(transaction: Transaction, *, names: Sequence[str] = ()) -> list[UUID]:
    """The organizations that share their training data, or those of them that are named. Raises `NotFound`."""
    rows = transaction.all(
        """SELECT id, name FROM organizations
           WHERE share_training AND (cardinality(CAST(:names AS text[])) = 0 OR name = ANY(:names)) ORDER BY id""",
        names=list(names),
    )
    if missing := sorted(set(names) - {row["name"] for row in rows}):
        raise NotFound(f"There is no organization {missing[0]} that shares its training data.")
    return [row["id"] for row in rows]


# --- Selecting -----------------------------------------------------------------------------------------------------


def select(transaction: Transaction, selection: Selection) -> None:
    """Put what the dataset would hold into the temporary table `picked`, in its final order.

    One row for each column of each template, the one with the best evidence: what is sent week after week counts once,
    with how often in `copies`. Columns without evidence stay as context (weight 0) where their sheet has some with it.
    """
    # The sorts of a million rows; for this transaction alone.
    transaction.run("SET LOCAL work_mem = '96MB'")
    transaction.run("SET LOCAL jit = off")
    for name in ("picked", "graded", "heads", "seen"):
        transaction.run(f"DROP TABLE IF EXISTS pg_temp.{name}")
    transaction.run(
        """CREATE TEMP TABLE seen ON COMMIT DROP AS
           SELECT id, organization_id, template, family, column_index, header_key, value_class, target, evidence,
                  confidence, method, reviewer, correction_id, answered_at, language, content_hash, predicted,
                  coalesce(target, '') AS label,
                  coalesce(evidence = ANY(:evidence)
                      AND (evidence <> 'unreviewed' OR confidence >= :min_confidence)
                      AND (CAST(:since AS timestamptz) IS NULL OR answered_at >= :since)
                      AND (CAST(:until AS timestamptz) IS NULL OR answered_at < :until)
                      AND (CAST(:known AS text[]) IS NULL OR target IS NULL OR target = ANY(:known)), false) AS usable,
                  CASE WHEN evidence IS NULL THEN 'unseated'
                       WHEN NOT evidence = ANY(:evidence) THEN 'evidence not asked for'
                       WHEN evidence = 'unreviewed' AND confidence < :min_confidence THEN 'below the threshold'
                       WHEN (answered_at < :since) OR (answered_at >= :until) THEN 'outside the window'
                       WHEN CAST(:known AS text[]) IS NOT NULL AND target IS NOT NULL AND target <> ALL(:known)
                           THEN 'field of one organization' END AS left_out
           FROM training_examples
           WHERE organization_id = ANY(:organizations) AND feature_version = :feature_version""",
        evidence=list(selection.evidence),
        min_confidence=selection.min_confidence,
        since=selection.since,
        until=selection.until,
        known=None if selection.known_fields is None else list(selection.known_fields),
        organizations=list(selection.organizations),
        feature_version=selection.feature_version,
    )
    # What an organization's people said about a header and its kind of values, and how often.
    transaction.run(
        """CREATE TEMP TABLE heads ON COMMIT DROP AS
           SELECT organization_id, header_key, value_class, label, count(*) AS said,
                  sum(count(*)) OVER (PARTITION BY organization_id, header_key, value_class) AS answered
           FROM seen WHERE usable GROUP BY 1, 2, 3, 4"""
    )
    transaction.run("ANALYZE heads")
    transaction.run(
        f"""CREATE TEMP TABLE graded ON COMMIT DROP AS
            WITH newest AS (SELECT max(answered_at) AS at FROM seen WHERE usable),
            usual AS (
                SELECT label, value_class, sum(said) / sum(sum(said)) OVER (PARTITION BY label) AS share
                FROM heads GROUP BY label, value_class
            ), judges AS (
                SELECT s.organization_id, s.reviewer, avg(h.said::real / h.answered::real) AS reliability
                FROM seen s JOIN heads h USING (organization_id, header_key, value_class, label)
                WHERE s.usable AND s.reviewer IS NOT NULL GROUP BY 1, 2
            ), ranked AS (
                SELECT *, row_number() OVER (
                           PARTITION BY organization_id, template, column_index
                           ORDER BY usable DESC, answered_at DESC NULLS LAST, id DESC) AS rank,
                       count(*) FILTER (WHERE usable) OVER (
                           PARTITION BY organization_id, template, column_index)::int AS copies
                FROM seen
            ), best AS (
                SELECT r.*, bool_or(usable) OVER (PARTITION BY organization_id, template) AS sheet_counts
                FROM ranked r WHERE rank = 1
            ), measured AS (
                SELECT b.*, coalesce(h.said::real / h.answered::real, 1) AS agreement,
                       coalesce(u.share, 1)::real AS usualness, coalesce(j.reliability, 1)::real AS reliability,
                       greatest(extract(epoch FROM n.at - b.answered_at) / 86400, 0)::real AS age
                FROM best b CROSS JOIN newest n
                LEFT JOIN heads h USING (organization_id, header_key, value_class, label)
                LEFT JOIN usual u USING (label, value_class)
                LEFT JOIN judges j USING (organization_id, reviewer)
                WHERE b.sheet_counts
            )
            SELECT *,
                CASE WHEN NOT usable THEN 0 ELSE round((
                    100 * CASE evidence WHEN 'unreviewed' THEN 0.5 * confidence / 100 WHEN 'reviewed' THEN 0.9 ELSE 1 END
                    * (0.5 + 0.5 * agreement) * (0.75 + 0.25 * exp(-age / 365))
                    * (0.85 + 0.15 * least(copies, 3) / 3) * (0.8 + 0.2 * least(usualness * 5, 1))
                    * (0.6 + 0.4 * reliability))::numeric, 1)::real END AS quality,
                CASE WHEN usable THEN
                    {_bit(0)} * (evidence = 'unreviewed')::int + {_bit(1)} * (agreement < 0.8)::int
                    + {_bit(2)} * (age > 365)::int + {_bit(3)} * (copies = 1)::int
                    + {_bit(4)} * (usualness < 0.05)::int + {_bit(5)} * (reliability < 0.7)::int ELSE 0 END AS reasons,
                get_byte(family, 0) * 256 + get_byte(family, 1) AS lot
            FROM measured"""
    )
    # Only a limit needs an order in each field, and a million rows take long to put in order.
    place = "row_number() OVER (PARTITION BY usable, label ORDER BY quality DESC, lot, id)"
    if selection.max_per_field is None:
        place = "1"
    transaction.run(
        f"""CREATE TEMP TABLE picked ON COMMIT DROP AS
            WITH held_out AS (
                -- A family that a held-out organization has is tested on, whoever else has it.
                SELECT DISTINCT family FROM graded
                WHERE get_byte(uuid_send(organization_id), 15) % {HELD_OUT_ORGANIZATIONS} = 0
                  AND (SELECT count(*) FROM (SELECT DISTINCT organization_id FROM graded) o) >= {HELD_OUT_ORGANIZATIONS}
            ), placed AS (
                SELECT g.*, {place} AS place FROM graded g
            )
            SELECT row_number() OVER (ORDER BY p.organization_id, p.template, p.column_index)::int AS position,
                p.id, p.organization_id, p.template, p.language, p.target, p.label, p.evidence, p.correction_id, p.copies,
                p.agreement, p.quality, p.reasons, p.content_hash, p.usable, p.method, p.predicted,
                hashtextextended(encode(p.template, 'hex') || p.organization_id || '/' || p.column_index, 0) AS column_key,
                CASE WHEN h.family IS NOT NULL OR p.lot % 100 < {TEST_PERCENT} THEN 'test'
                     WHEN p.lot % 100 < {TEST_PERCENT + VALIDATION_PERCENT} THEN 'validation' ELSE 'train' END AS split,
                CASE WHEN NOT p.usable OR p.place > :most THEN 0
                     ELSE round((p.quality / 100 * CASE p.evidence WHEN 'unreviewed' THEN :unreviewed ELSE 1 END)::numeric,
                                3)::real END AS weight,
                coalesce(p.left_out, CASE WHEN p.usable AND p.place > :most THEN 'enough of its field' END) AS left_out
            FROM placed p LEFT JOIN held_out h USING (family)""",
        most=selection.max_per_field or 2**31 - 1,
        unreviewed=selection.unreviewed_weight,
    )
    transaction.run("ANALYZE picked")


def _bit(place: int) -> int:
    return 1 << place


def content_hash(transaction: Transaction) -> bytes:
    """One hash over what is in `picked`, in its order: contents, answers, splits, scores and weights."""
    blocks = transaction.all(
        """SELECT sha256(convert_to(string_agg(ROW(encode(content_hash, 'hex'), column_key, target, evidence, split, copies,
                      agreement, quality, reasons, weight)::text, chr(10) ORDER BY position), 'UTF8')) AS hash
           FROM picked GROUP BY position / 1000 ORDER BY position / 1000"""
    )
    return hashlib.sha256(b"".join([bytes(block["hash"]) for block in blocks])).digest()


def facts(transaction: Transaction) -> dict[str, Any]:
    """Counts over `picked`: what a card and a score are made of."""
    totals = transaction.one(
        f"""SELECT count(*) AS columns, count(*) FILTER (WHERE weight > 0) AS examples,
                   count(*) FILTER (WHERE weight > 0 AND agreement < 0.8) AS disputed,
                   count(*) FILTER (WHERE weight > 0 AND target IS NULL) AS without_target,
                   coalesce(avg(quality) FILTER (WHERE weight > 0), 0)::float AS mean_quality,
                   count(*) FILTER (WHERE weight > 0 AND evidence = 'corrected'
                                      AND predicted IS DISTINCT FROM target AND split = 'train') AS preference_pairs,
                   coalesce(sum(copies) FILTER (WHERE usable), 0)::bigint AS answers,
                   coalesce(sum(copies - 1) FILTER (WHERE usable), 0)::bigint AS repeated,
                   ARRAY[{
            ", ".join(f"count(*) FILTER (WHERE weight > 0 AND reasons & {_bit(at)} > 0)" for at in range(len(REASONS)))
        }] AS reasons
            FROM picked"""
    )
    repeated, reasons = totals.pop("repeated"), totals.pop("reasons")
    kept = transaction.one(
        """WITH sheets AS MATERIALIZED (SELECT DISTINCT split, template, organization_id FROM picked WHERE weight > 0)
           SELECT count(DISTINCT template) AS templates, count(DISTINCT organization_id) AS organizations,
                  (SELECT coalesce(jsonb_object_agg(split, n), '{}') FROM (
                       SELECT split, count(DISTINCT template) AS n FROM sheets GROUP BY 1) s) AS split_templates
           FROM sheets"""
    )
    return {
        **totals,
        **kept,
        **_tallies(transaction),
        "reasons": dict(zip(REASONS, reasons, strict=True)),
        "left_out": {
            **transaction.value(
                """SELECT coalesce(jsonb_object_agg(left_out, n), '{}') FROM (
                       SELECT left_out, count(*) AS n FROM seen WHERE left_out IS NOT NULL GROUP BY 1
                       UNION ALL SELECT left_out, count(*) FROM picked WHERE usable AND left_out IS NOT NULL GROUP BY 1) s"""
            ),
            "the same column of the same template": repeated,
        },
        "conflicts": transaction.all(
            """SELECT header_key, jsonb_object_agg(CASE label WHEN '' THEN 'no target' ELSE label END, said) AS answers
               FROM (SELECT header_key, label, sum(said)::bigint AS said, sum(sum(said)) OVER (PARTITION BY header_key) AS n,
                            max(sum(said)) OVER (PARTITION BY header_key) AS most FROM heads GROUP BY 1, 2) h
               WHERE most < 0.8 * n GROUP BY header_key, n ORDER BY n DESC, header_key LIMIT 20"""
        ),
    }


def _tallies(transaction: Transaction) -> dict[str, dict[str, int]]:
    """How many examples there are of each split, field and so on, the most first; in one pass."""
    rows = transaction.all(
        """SELECT CASE GROUPING(split, label, evidence, method, language)
                      WHEN 15 THEN 'splits' WHEN 23 THEN 'fields' WHEN 27 THEN 'evidence' WHEN 29 THEN 'methods'
                      ELSE 'languages' END AS tally,
                  coalesce(split, label, evidence, method, language, '') AS name,
                  count(*) AS n, count(*) FILTER (WHERE split = 'test') AS tested
           FROM picked WHERE weight > 0
           GROUP BY GROUPING SETS ((split), (label), (evidence), (method), (language)) ORDER BY 3 DESC, 2"""
    )
    found = {
        tally: {row["name"]: row["n"] for row in rows if row["tally"] == tally}
        for tally in ("splits", "fields", "evidence", "methods", "languages")
    }
    tested = {row["name"]: row["tested"] for row in rows if row["tally"] == "fields" and row["tested"]}
    return {**found, "test_fields": dict(sorted(tested.items(), key=lambda each: (-each[1], each[0])))}


def difference(transaction: Transaction, before: UUID) -> Mapping[str, int]:
    """How `picked` differs from an earlier dataset, column by column."""
    return transaction.one(
        """SELECT count(*) FILTER (WHERE d.column_key IS NULL) AS added,
                  count(*) FILTER (WHERE p.column_key IS NULL) AS removed,
                  count(*) FILTER (WHERE p.target IS DISTINCT FROM d.target AND p.column_key = d.column_key) AS relabelled,
                  count(*) FILTER (WHERE p.split <> d.split) AS moved,
                  count(*) FILTER (WHERE p.target IS NOT DISTINCT FROM d.target AND p.split = d.split
                                     AND p.column_key = d.column_key) AS same
           FROM (SELECT column_key, target, split FROM picked WHERE weight > 0) p
           FULL JOIN (SELECT column_key, target, split FROM dataset_examples WHERE dataset_id = :before AND weight > 0) d
               USING (column_key)""",
        before=before,
    )


# --- Versions ------------------------------------------------------------------------------------------------------


def lock_scope(transaction: Transaction, owner: UUID | None) -> None:
    """Whoever numbers a version of this scope is alone until the transaction ends."""
    transaction.value(
        "SELECT pg_advisory_xact_lock(hashtextextended('training_datasets ' || coalesce(:owner, ''), 0))",
        owner=None if owner is None else str(owner),
    )


def freeze(
    transaction: Transaction,
    owner: UUID | None,
    *,
    parameters: Mapping[str, Any],
    digest: bytes,
    counts: Mapping[str, Any],
    score: float,
    reasons: Sequence[Mapping[str, Any]],
    card: Mapping[str, Any],
) -> UUID:
    """Store what is in `picked` as the scope's next version, for good. Needs `lock_scope`."""
    dataset = new_id()
    transaction.run(
        """INSERT INTO training_datasets (id, organization_id, version, status, parameters, content_hash, counts,
               quality_score, quality_reasons, card, lineage, example_count, frozen_at)
           SELECT :id, :owner, coalesce(max(version), 0) + 1, 'frozen', CAST(:parameters AS jsonb), :digest,
               CAST(:counts AS jsonb), :score, CAST(:reasons AS jsonb), CAST(:card AS jsonb),
               (SELECT jsonb_build_object('examples', count(*), 'mappings', count(*), 'corrections', count(correction_id),
                    'organizations', count(DISTINCT organization_id)) FROM picked),
               (SELECT count(*) FROM picked WHERE weight > 0), clock_timestamp()
           FROM training_datasets WHERE organization_id IS NOT DISTINCT FROM :owner""",
        id=dataset,
        owner=owner,
        parameters=as_json(parameters),
        digest=digest,
        counts=as_json(counts),
        score=score,
        reasons=as_json(reasons),
        card=as_json(card),
    )
    transaction.run(
        """INSERT INTO dataset_examples (dataset_id, position, organization_id, example_id, column_key, split, target,
               evidence, correction_id, copies, agreement, quality, reasons, weight)
           SELECT :id, position, organization_id, id, column_key, split, target, evidence, correction_id, copies, agreement,
               quality, reasons, weight FROM picked ORDER BY position""",
        id=dataset,
    )
    audit.record(
        transaction,
        "dataset.frozen",
        ("dataset", dataset),
        organization=owner,
        details={"examples": int(counts["examples"]), "quality": float(score)},
    )
    return dataset


def withdraw(transaction: Transaction, dataset: UUID, because: str) -> None:
    """Nobody is to learn from this version any more."""
    withdrawn = transaction.first(
        """UPDATE training_datasets SET status = 'withdrawn', withdrawn_at = now(), withdrawn_because = :because
           WHERE id = :id AND status = 'frozen' RETURNING organization_id""",
        id=dataset,
        because=because,
    )
    if withdrawn is not None:
        audit.record(transaction, "dataset.withdrawn", ("dataset", dataset), organization=withdrawn["organization_id"])


def newest(transaction: Transaction, owner: UUID | None) -> Dataset | None:
    """The newest version of a scope that is still in force."""
    row = transaction.first(
        f"""{_DATASETS} WHERE d.organization_id IS NOT DISTINCT FROM :owner AND d.status = 'frozen'
            ORDER BY d.version DESC LIMIT 1""",
        owner=owner,
    )
    return None if row is None else _dataset(row)


def dataset(transaction: Transaction, dataset_id: UUID) -> Dataset:
    """Raises `NotFound`."""
    row = transaction.first(f"{_DATASETS} WHERE d.id = :id", id=dataset_id)
    if row is None:
        raise NotFound(f"There is no training dataset {dataset_id}.")
    return _dataset(row)


def dataset_numbered(transaction: Transaction, owner: UUID | None, version: int) -> Dataset:
    """A version of a scope. Raises `NotFound`."""
    row = transaction.first(
        f"{_DATASETS} WHERE d.organization_id IS NOT DISTINCT FROM :owner AND d.version = :version",
        owner=owner,
        version=version,
    )
    if row is None:
        raise NotFound(f"There is no {'shared ' if owner is None else ''}training dataset {version}.")
    return _dataset(row)


def require_in_force(dataset: Dataset) -> None:
    """Raise `StaleState` (410) for a version that was withdrawn."""
    if dataset.status == "withdrawn":
        raise StaleState(
            f"Training dataset {dataset.version} was withdrawn: {dataset.withdrawn_because} Generate a new one.",
            code="dataset_withdrawn",
            status=410,
            title="The training dataset was withdrawn",
        )


def datasets(transaction: Transaction, *, limit: int = 200) -> list[Dataset]:
    """The versions that the scope sees, newest first."""
    rows = transaction.all(f"{_DATASETS} ORDER BY d.created_at DESC, d.version DESC LIMIT :limit", limit=limit)
    return [_dataset(row) for row in rows]


_DATASETS = """SELECT d.*, o.name AS organization FROM training_datasets d
    LEFT JOIN organizations o ON o.id = d.organization_id"""


def _dataset(row: Mapping[str, Any]) -> Dataset:
    return Dataset(
        **{
            **{name: row[name] for name in Dataset.__slots__},
            "content_hash": None if row["content_hash"] is None else bytes(row["content_hash"]),
            "quality_score": None if row["quality_score"] is None else float(row["quality_score"]),
        }
    )


# --- Rows ----------------------------------------------------------------------------------------------------------

COLUMNS = (
    "position", "example_id", "organization_id", "template", "sheet", "column_index", "language", "header", "profile",
    "surrogates", "value_class", "target", "predicted", "evidence", "split", "copies", "agreement", "quality", "reasons",
    "weight",
)  # fmt: skip
"""What a row of a dataset tells, in the order of `rows`."""


def rows(transaction: Transaction, dataset_id: UUID) -> Iterator[Sequence[Sequence[Any]]]:
    """The dataset's rows in its order, some thousand at a time, columns as in `COLUMNS`."""
    yield from transaction.stream(
        """SELECT d.position, d.example_id, d.organization_id, encode(e.template, 'hex'), e.upload_id || '/' || e.sheet_index,
               e.column_index, e.language, e.header, e.profile, e.surrogates, e.value_class, d.target, e.predicted, d.evidence,
               d.split, d.copies, d.agreement, d.quality, d.reasons, d.weight
           FROM dataset_examples d JOIN training_examples e ON e.id = d.example_id
           WHERE d.dataset_id = :id ORDER BY d.position""",
        id=dataset_id,
    )


def mistakes(transaction: Transaction, dataset_id: UUID, split: str) -> int:
    """Columns of a split that count, and that the mapping had proposed something else for than people said."""
    return transaction.value(
        """SELECT count(*) FROM dataset_examples d JOIN training_examples e ON e.id = d.example_id
           WHERE d.dataset_id = :id AND d.split = :split AND d.weight > 0 AND e.predicted IS DISTINCT FROM d.target""",
        id=dataset_id,
        split=split,
    )


def reasons_of(bits: int) -> list[str]:
    """The words for `dataset_examples.reasons`."""
    return [name for at, name in enumerate(REASONS) if bits & _bit(at)]


# --- What is new ---------------------------------------------------------------------------------------------------


def built_by(transaction: Transaction, run_id: str) -> list[UUID]:
    """The versions that a run has built, or found built already."""
    rows_found = transaction.all(
        """SELECT DISTINCT r.dataset_id FROM dataset_requests r JOIN training_datasets d ON d.id = r.dataset_id
           WHERE r.dagster_run_id = :run AND r.state = 'done' AND d.status = 'frozen'""",
        run=run_id,
    )
    return [row["dataset_id"] for row in rows_found]


def newest_of_all(transaction: Transaction) -> list[UUID]:
    """The newest version in force of every scope."""
    rows_found = transaction.all(
        """SELECT DISTINCT ON (organization_id) id FROM training_datasets WHERE status = 'frozen'
           ORDER BY organization_id, version DESC"""
    )
    return [row["id"] for row in rows_found]


def has_news(transaction: Transaction, organizations: Sequence[UUID]) -> bool:
    """Whether these organizations' people have said something since the newest shared version was frozen."""
    return bool(
        transaction.value(
            """SELECT EXISTS (SELECT FROM training_examples e
               WHERE e.organization_id = ANY(:organizations) AND e.evidence IS NOT NULL AND e.answered_at > coalesce(
                   (SELECT max(frozen_at) FROM training_datasets WHERE organization_id IS NULL AND status = 'frozen'),
                   '-infinity'))""",
            organizations=list(organizations),
        )
    )


def count(transaction: Transaction) -> int:
    """How many versions in force the scope sees."""
    return transaction.value("SELECT count(*) FROM training_datasets WHERE status = 'frozen'")
