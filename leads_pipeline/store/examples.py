"""Anonymised columns to learn from: which uploads owe some, the columns as they are kept, and what people said of them.

An example's content never changes once it is stored; its evidence follows the answers, in one statement for an upload.
What an example may hold is decided where cells are (`spreadsheets`).
"""

import hmac
import secrets
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from leads_pipeline.errors import NotFound
from leads_pipeline.store.database import Transaction, as_json
from leads_pipeline.store.ids import new_id

ENOUGH_ALIKE = 0.8
"""How much of their headers two templates share (Jaccard) to be of one family."""

MOST_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Due:
    """An upload whose examples, or what people said of them, are not up to date. `version` is the upload's."""

    organization_id: UUID
    upload_id: UUID
    version: int


@dataclass(frozen=True, slots=True)
class Example:
    """One anonymised column, as it is kept. `dropped` counts what failed a check, by reason."""

    mapping_id: UUID
    sheet_index: int
    column_index: int
    header: str
    header_key: str
    value_class: str
    profile: Mapping[str, Any]
    surrogates: Sequence[str]
    dropped: Mapping[str, int]
    content_hash: bytes


def due(transaction: Transaction, limit: int) -> list[Due]:
    """Uploads that somebody has reviewed, in whole or in part, since their examples were made; longest waiting first."""
    rows = transaction.all(
        f"""SELECT organization_id, id AS upload_id, version FROM file_uploads
           WHERE {_IS_DUE} ORDER BY reviewed_at NULLS LAST, id LIMIT :limit""",
        limit=limit,
    )
    return [Due(**row) for row in rows]


def due_count(transaction: Transaction) -> int:
    return transaction.value(f"SELECT count(*) FROM file_uploads WHERE {_IS_DUE}")


# An upload whose answers were all taken back is due as well: its examples must forget them.
_IS_DUE = f"""(reviewed_count > 0 OR examples_version IS NOT NULL) AND examples_version IS DISTINCT FROM version
    AND examples_attempts < {MOST_ATTEMPTS}"""


def begin(transaction: Transaction, upload: Due) -> None:
    """Count an attempt, so that a file that ends its readers every time is given up."""
    transaction.run(
        "UPDATE file_uploads SET examples_attempts = examples_attempts + 1 WHERE id = :id", id=upload.upload_id
    )


def done(transaction: Transaction, upload: Due, *, problem: str | None = None) -> None:
    """The examples are as of the version that was looked at; a newer answer makes the upload due again."""
    transaction.run(
        """UPDATE file_uploads SET examples_version = :version, examples_attempts = 0, examples_problem = :problem
           WHERE organization_id = :organization AND id = :id""",
        organization=transaction.organization,
        id=upload.upload_id,
        version=upload.version,
        problem=problem,
    )


def are_made(transaction: Transaction, upload_id: UUID, generation: int) -> bool:
    """Whether the columns of this generation have been anonymised already."""
    return bool(
        transaction.value(
            """SELECT EXISTS (SELECT FROM training_examples e JOIN field_mappings m ON m.id = e.mapping_id
               WHERE e.organization_id = :organization AND e.upload_id = :id AND m.generation = :generation)""",
            organization=transaction.organization,
            id=upload_id,
            generation=generation,
        )
    )


# --- Keys and categories -------------------------------------------------------------------------------------------


def pseudonym_key(transaction: Transaction) -> bytes:
    """The organization's own key, made when it is first needed; whatever is made with it ends with the organization."""
    transaction.run(
        """INSERT INTO organization_keys (organization_id, pseudonym_key) VALUES (:organization, :key)
           ON CONFLICT (organization_id) DO NOTHING""",
        organization=transaction.organization,
        key=secrets.token_bytes(32),
    )
    return bytes(
        transaction.value(
            "SELECT pseudonym_key FROM organization_keys WHERE organization_id = :organization",
            organization=transaction.organization,
        )
    )


def pseudonym(key: bytes, kind: str, name: str) -> str:
    """What stands for a reviewer, an organization or an upload outside of its organization."""
    return f"{kind[0]}_{hmac.digest(key, f'{kind}:{name}'.encode(), 'sha256')[:8].hex()}"


def common_categories(transaction: Transaction) -> frozenset[str]:
    """Digests of the categories that enough organizations use. Needs the system's scope."""
    return frozenset(row["digest"] for row in transaction.all("SELECT digest FROM common_categories"))


def note_categories(transaction: Transaction, organization: UUID, digests: AbstractSet[str], *, enough: int) -> None:
    """Remember which categories an organization has; those that `enough` organizations have are common from now on.

    Needs the system's scope.
    """
    if not digests:
        return
    transaction.run(
        """INSERT INTO category_sightings (digest, organization_id)
           SELECT digest, :organization FROM unnest(CAST(:digests AS text[])) digest ON CONFLICT DO NOTHING""",
        organization=organization,
        digests=sorted(digests),
    )
    transaction.run(
        """INSERT INTO common_categories (digest)
           SELECT digest FROM category_sightings WHERE digest = ANY(:digests)
           GROUP BY digest HAVING count(*) >= :enough ON CONFLICT DO NOTHING""",
        digests=sorted(digests),
        enough=enough,
    )


# --- Templates -----------------------------------------------------------------------------------------------------


def family_of(transaction: Transaction, organization: UUID, template: bytes, header_keys: Sequence[str]) -> bytes:
    """The family of a template: that of the template most like it, of whatever organization, else its own.

    Needs the system's scope: no split may divide what two organizations send alike.
    """
    known = transaction.value(
        "SELECT family FROM training_templates WHERE template = :template LIMIT 1", template=template
    )
    keys = sorted(set(header_keys))
    if known is None:
        known = transaction.value(
            """SELECT family FROM (
                   SELECT family, template, shared_keys::real / (cardinality(header_keys) + :size - shared_keys) AS alike
                   FROM training_templates, LATERAL (
                       SELECT count(*) AS shared_keys FROM unnest(header_keys) key
                       WHERE key = ANY(CAST(:keys AS text[]))) shared
                   WHERE header_keys && CAST(:keys AS text[])
                     AND cardinality(header_keys) BETWEEN :size * :enough AND :size / :enough) t
               WHERE alike >= :enough ORDER BY alike DESC, template LIMIT 1""",
            keys=keys,
            size=len(keys),
            enough=ENOUGH_ALIKE,
        )
    family = template if known is None else bytes(known)
    transaction.run(
        """INSERT INTO training_templates (organization_id, template, family, header_keys)
           VALUES (:organization, :template, :family, CAST(:keys AS text[])) ON CONFLICT DO NOTHING""",
        organization=organization,
        template=template,
        family=family,
        keys=keys,
    )
    return family


# --- Examples ------------------------------------------------------------------------------------------------------


def save(
    transaction: Transaction,
    upload_id: UUID,
    examples: Sequence[Example],
    *,
    template: bytes,
    family: bytes,
    language: str,
    feature_version: int,
) -> None:
    """Store the columns of one sheet. Those that are there already stay as they are; of an erased upload none is stored."""
    transaction.run(
        """INSERT INTO training_examples (id, organization_id, upload_id, mapping_id, sheet_index, column_index, template,
               family, language, header, header_key, value_class, profile, surrogates, dropped, feature_version,
               content_hash, predicted, confidence, method)
           SELECT x.id, :organization, :upload, x.mapping_id, x.sheet_index, x.column_index, :template, :family, :language,
               x.header, x.header_key, x.value_class, x.profile, x.surrogates, x.dropped, :feature_version,
               decode(x.content_hash, 'hex'), m.predicted, m.confidence, m.method
           FROM jsonb_to_recordset(CAST(:examples AS jsonb)) AS x (id uuid, mapping_id uuid, sheet_index integer,
               column_index integer, header text, header_key text, value_class text, profile jsonb, surrogates jsonb,
               dropped jsonb, content_hash text)
           JOIN field_mappings m ON m.id = x.mapping_id AND m.organization_id = :organization
           JOIN (SELECT id FROM file_uploads
                 WHERE organization_id = :organization AND id = :upload AND erased_at IS NULL FOR SHARE) u ON true
           ON CONFLICT (mapping_id) DO NOTHING""",
        organization=transaction.organization,
        upload=upload_id,
        template=template,
        family=family,
        language=language,
        feature_version=feature_version,
        examples=as_json(
            [
                {
                    "id": new_id(),
                    "mapping_id": example.mapping_id,
                    "sheet_index": example.sheet_index,
                    "column_index": example.column_index,
                    "header": example.header,
                    "header_key": example.header_key,
                    "value_class": example.value_class,
                    "profile": dict(example.profile),
                    "surrogates": list(example.surrogates),
                    "dropped": dict(example.dropped),
                    "content_hash": example.content_hash.hex(),
                }
                for example in examples
            ]
        ),
    )


def refresh_evidence(transaction: Transaction, upload_id: UUID) -> int:
    """Let the upload's examples say what people said of their columns by now. Returns how many there are."""
    key = pseudonym_key(transaction)
    reviewers = transaction.all(
        """SELECT DISTINCT reviewer FROM user_corrections
           WHERE organization_id = :organization AND upload_id = :id AND reviewer IS NOT NULL""",
        organization=transaction.organization,
        id=upload_id,
    )
    return transaction.run(
        """UPDATE training_examples e
           SET target = CASE WHEN a.kind IN ('confirmed', 'corrected') THEN a.corrected ELSE m.predicted END,
               evidence = CASE WHEN a.kind = 'corrected' THEN 'corrected'
                               WHEN a.kind = 'confirmed' AND a.as_rest THEN 'reviewed'
                               WHEN a.kind = 'confirmed' THEN 'confirmed'
                               WHEN a.kind IS NULL THEN 'unreviewed' END,
               correction_id = a.id,
               reviewer = CAST(:reviewers AS jsonb) ->> a.reviewer,
               answered_at = coalesce(a.created_at, m.created_at)
           FROM field_mappings m LEFT JOIN LATERAL (
               SELECT id, kind, corrected, as_rest, reviewer, created_at FROM user_corrections
               WHERE mapping_id = m.id AND undone_at IS NULL ORDER BY position DESC LIMIT 1) a ON true
           WHERE e.organization_id = :organization AND e.upload_id = :id AND m.id = e.mapping_id""",
        organization=transaction.organization,
        id=upload_id,
        reviewers=as_json({row["reviewer"]: pseudonym(key, "reviewer", row["reviewer"]) for row in reviewers}),
    )


def totals(transaction: Transaction) -> Mapping[str, Any]:
    """Over all that the scope sees: how many examples there are, by evidence, and what was dropped on the way."""
    return transaction.one(
        """SELECT count(*) AS examples, count(DISTINCT upload_id) AS uploads, count(DISTINCT template) AS templates,
                  count(*) FILTER (WHERE evidence = 'corrected') AS corrected,
                  count(*) FILTER (WHERE evidence = 'confirmed') AS confirmed,
                  count(*) FILTER (WHERE evidence = 'reviewed') AS reviewed,
                  count(*) FILTER (WHERE evidence = 'unreviewed') AS unreviewed
           FROM training_examples"""
    )


def is_reviewed(transaction: Transaction, upload_id: UUID) -> bool:
    """Whether somebody has answered about any of its columns, so that examples may be made of it."""
    return bool(
        transaction.value(
            "SELECT reviewed_count > 0 FROM file_uploads WHERE organization_id = :organization AND id = :id",
            organization=transaction.organization,
            id=upload_id,
        )
    )


def upload_named(transaction: Transaction, upload_id: UUID) -> Due:
    """Any upload of the organization, due or not. Raises `NotFound`."""
    row = transaction.first(
        """SELECT organization_id, id AS upload_id, version FROM file_uploads
           WHERE organization_id = :organization AND id = :id""",
        organization=transaction.organization,
        id=upload_id,
    )
    if row is None:
        raise NotFound(f"There is no upload {upload_id}.")
    return Due(**row)


def pseudonym_keys(transaction: Transaction) -> dict[UUID, bytes]:
    """The keys of all organizations that the scope sees."""
    rows = transaction.all("SELECT organization_id, pseudonym_key FROM organization_keys")
    return {row["organization_id"]: bytes(row["pseudonym_key"]) for row in rows}
