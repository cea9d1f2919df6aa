"""Mapping models: the versions that there are, and their artifacts.

A scope (all organizations together, or one) has one champion; which one, and how that changes, is told by `champions`. What
an artifact holds is `mapping`'s business; here it is bytes, in pieces that the driver can bear.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from leads_pipeline.errors import NotFound, StaleState
from leads_pipeline.store.database import Transaction, as_json
from leads_pipeline.store.ids import new_id

CHUNK = 1 << 20

ARTIFACTS_KEPT = 3
"""How many artifacts of a scope are kept beside those in use and the one that a rollback goes to: some 8 MB each."""


@dataclass(frozen=True, slots=True)
class Model:
    """A version, without its artifact. `organization_id` None: shared. `name` is what mappings say they were made by.

    `reason` says why it was rejected or ended; `replaced` is the champion before it, by version.
    """

    id: UUID
    organization_id: UUID | None
    organization: str | None
    version: int
    name: str
    status: str
    shipped: bool
    base: str
    dataset_id: UUID | None
    dataset_version: int | None
    dataset_withdrawn: bool
    content_hash: bytes | None
    seed: int | None
    feature_version: int
    metrics: Mapping[str, Any]
    card: Mapping[str, Any]
    reason: str | None
    artifact_bytes: int
    replaced: int | None
    created_at: datetime
    promoted_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Trained:
    """What training has made: an artifact and what is known of it. `base` is the shipped model that it started from."""

    name: str
    base: str
    dataset_id: UUID | None
    inputs_hash: bytes
    seed: int
    feature_version: int
    metrics: Mapping[str, Any]
    card: Mapping[str, Any]
    artifact: bytes


def save(transaction: Transaction, owner: UUID | None, trained: Trained, *, rejected: str | None, run_id: str) -> Model:
    """Keep a trained model: as a candidate, or as rejected with the reason. A rejected one keeps no artifact.

    Raises `StaleState` when its dataset was withdrawn while it was trained.
    """
    if (
        transaction.value("SELECT status FROM training_datasets WHERE id = :id FOR SHARE", id=trained.dataset_id)
        == "withdrawn"
    ):
        raise StaleState("The dataset was withdrawn while the model was trained.", code="dataset_withdrawn", status=410)
    model = new_id()
    transaction.run(
        """INSERT INTO mapping_models (id, organization_id, name, status, base, dataset_id, inputs_hash, content_hash, seed,
               feature_version, metrics, card, reason, artifact_bytes, dagster_run_id, ended_at)
           VALUES (:id, :owner, :name, :status, :base, :dataset, :inputs, :content, :seed, :feature_version,
               CAST(:metrics AS jsonb), CAST(:card AS jsonb), :reason, :size, :run,
               CASE WHEN CAST(:reason AS text) IS NULL THEN NULL ELSE now() END)""",
        id=model,
        owner=owner,
        name=trained.name,
        status="candidate" if rejected is None else "rejected",
        base=trained.base,
        dataset=trained.dataset_id,
        inputs=trained.inputs_hash,
        content=hashlib.sha256(trained.artifact).digest(),
        seed=trained.seed,
        feature_version=trained.feature_version,
        metrics=as_json(trained.metrics),
        card=as_json(trained.card),
        reason=rejected,
        size=len(trained.artifact) if rejected is None else 0,
        run=run_id,
    )
    for position, at in enumerate(range(0, len(trained.artifact) if rejected is None else 0, CHUNK)):
        transaction.run(
            """INSERT INTO mapping_model_chunks (model_id, position, organization_id, bytes)
               VALUES (:model, :position, :owner, :bytes)""",
            model=model,
            position=position,
            owner=owner,
            bytes=trained.artifact[at : at + CHUNK],
        )
    _prune(transaction, owner)
    return get(transaction, model)


def _prune(transaction: Transaction, owner: UUID | None) -> None:
    """Delete the artifacts of a scope that neither map, nor are tried, nor are the champion before, but for the newest few."""
    transaction.run(
        """WITH idle AS (
               SELECT m.id, row_number() OVER (ORDER BY m.version DESC) AS place FROM mapping_models m
               WHERE m.organization_id IS NOT DISTINCT FROM :owner AND m.artifact_bytes > 0
                 AND m.status NOT IN ('champion', 'challenger')
                 AND NOT EXISTS (SELECT FROM mapping_models c WHERE c.status = 'champion' AND c.replaced = m.id)
                 AND NOT EXISTS (SELECT FROM experiments e WHERE e.outcome = 'running' AND e.challenger_id = m.id)
           ), pruned AS (
               UPDATE mapping_models SET artifact_bytes = 0 WHERE id IN (SELECT id FROM idle WHERE place > :kept)
               RETURNING id
           )
           DELETE FROM mapping_model_chunks WHERE model_id IN (SELECT id FROM pruned)""",
        owner=owner,
        kept=ARTIFACTS_KEPT,
    )


def artifact(transaction: Transaction, model: UUID) -> bytes:
    """A trained model's artifact, checked against its hash. Raises `NotFound` for one that has none, or was damaged."""
    digest = transaction.value("SELECT content_hash FROM mapping_models WHERE id = :id", id=model)
    pieces = transaction.stream(
        "SELECT bytes FROM mapping_model_chunks WHERE model_id = :id ORDER BY position", block=1, id=model
    )
    whole = b"".join(bytes(row[0]) for block in pieces for row in block)
    if digest is None or hashlib.sha256(whole).digest() != bytes(digest):
        raise NotFound(f"The artifact of model {model} is not there, or was damaged.", code="artifact_missing")
    return whole


# --- Looking -------------------------------------------------------------------------------------------------------


def models(transaction: Transaction, *, limit: int = 200) -> list[Model]:
    """The models that the scope sees, newest first."""
    rows = transaction.all(f"{_MODELS} ORDER BY m.version DESC LIMIT :limit", limit=limit)
    return [_model(row) for row in rows]


def champion(transaction: Transaction, owner: UUID | None) -> Model | None:
    """The champion of a scope: the shared one, or an organization's own."""
    row = transaction.first(
        f"{_MODELS} WHERE m.status = 'champion' AND m.organization_id IS NOT DISTINCT FROM :owner", owner=owner
    )
    return None if row is None else _model(row)


def numbered(transaction: Transaction, owner: UUID | None, version: int) -> Model:
    """A scope's model by its version. Raises `NotFound`."""
    row = transaction.first(
        f"{_MODELS} WHERE m.version = :version AND m.organization_id IS NOT DISTINCT FROM :owner",
        version=version,
        owner=owner,
    )
    if row is None:
        raise NotFound(f"There is no model {version}; `leads models list` shows those that there are.")
    return _model(row)


def any_numbered(transaction: Transaction, version: int) -> Model:
    """A model by its version, of any scope that the transaction sees. Raises `NotFound`."""
    row = transaction.first(f"{_MODELS} WHERE m.version = :version", version=version)
    if row is None:
        raise NotFound(f"There is no model {version}; `leads models list` shows those that there are.")
    return _model(row)


def scopes(transaction: Transaction) -> list[UUID | None]:
    """The scopes that have models: None for all organizations together, and organizations with some of their own."""
    rows = transaction.all("SELECT DISTINCT organization_id FROM mapping_models ORDER BY 1 NULLS FIRST")
    return [row["organization_id"] for row in rows]


def predecessor(transaction: Transaction, model: Model) -> Model | None:
    """The champion that a model has replaced, where its artifact is kept."""
    if model.replaced is None:
        return None
    before = any_numbered(transaction, model.replaced)
    return before if before.shipped or before.artifact_bytes else None


def newest_candidate(transaction: Transaction, owner: UUID | None) -> Model | None:
    """The newest model of a scope that could be promoted: a candidate, or the challenger that is being tried."""
    row = transaction.first(
        f"""{_MODELS} WHERE m.status IN ('candidate', 'challenger') AND m.organization_id IS NOT DISTINCT FROM :owner
            ORDER BY m.version DESC LIMIT 1""",
        owner=owner,
    )
    return None if row is None else _model(row)


def newest_shipped(transaction: Transaction) -> Model:
    """What came with this release."""
    return _model(transaction.one(f"{_MODELS} WHERE m.shipped ORDER BY m.version DESC LIMIT 1"))


def last_retired(transaction: Transaction, owner: UUID | None) -> Model | None:
    """The trained model of a scope that was its champion last before the present one, and could map again."""
    row = transaction.first(
        f"""{_MODELS} WHERE m.status = 'retired' AND m.promoted_at IS NOT NULL AND NOT m.shipped AND m.artifact_bytes > 0
              AND m.organization_id IS NOT DISTINCT FROM :owner
            ORDER BY m.promoted_at DESC LIMIT 1""",
        owner=owner,
    )
    return None if row is None else _model(row)


def made_from(transaction: Transaction, owner: UUID | None, inputs_hash: bytes) -> Model | None:
    """The model that was trained from these very inputs, if there is one."""
    row = transaction.first(
        f"""{_MODELS} WHERE m.inputs_hash = :inputs AND m.withdrawn_at IS NULL
            AND m.organization_id IS NOT DISTINCT FROM :owner ORDER BY m.version DESC LIMIT 1""",
        inputs=inputs_hash,
        owner=owner,
    )
    return None if row is None else _model(row)


def newest_trained(transaction: Transaction, owner: UUID | None) -> Model | None:
    """The model of a scope that was trained last, whatever became of it."""
    row = transaction.first(
        f"""{_MODELS} WHERE NOT m.shipped AND m.organization_id IS NOT DISTINCT FROM :owner
            ORDER BY m.version DESC LIMIT 1""",
        owner=owner,
    )
    return None if row is None else _model(row)


def newest_of_all(transaction: Transaction) -> Model | None:
    """The model of any scope that was trained last."""
    row = transaction.first(f"{_MODELS} WHERE NOT m.shipped ORDER BY m.version DESC LIMIT 1")
    return None if row is None else _model(row)


def made_by(transaction: Transaction, run_id: str) -> Model | None:
    """The model that a run has trained."""
    row = transaction.first(f"{_MODELS} WHERE m.dagster_run_id = :run ORDER BY m.version DESC LIMIT 1", run=run_id)
    return None if row is None else _model(row)


def count(transaction: Transaction) -> int:
    """How many models the scope sees that map or could map."""
    return transaction.value(
        "SELECT count(*) FROM mapping_models WHERE status IN ('champion', 'challenger', 'candidate')"
    )


def get(transaction: Transaction, model: UUID) -> Model:
    """Raises `NotFound`."""
    row = transaction.first(f"{_MODELS} WHERE m.id = :id", id=model)
    if row is None:
        raise NotFound(f"There is no model {model}.")
    return _model(row)


_MODELS = """SELECT m.*, o.name AS organization, d.version AS dataset_version, b.version AS replaced_version,
        coalesce(d.status = 'withdrawn', false) AS dataset_withdrawn
    FROM mapping_models m LEFT JOIN organizations o ON o.id = m.organization_id
    LEFT JOIN training_datasets d ON d.id = m.dataset_id LEFT JOIN mapping_models b ON b.id = m.replaced"""


def _model(row: Mapping[str, Any]) -> Model:
    return Model(
        **{
            **{name: row[name] for name in Model.__slots__},
            "replaced": row["replaced_version"],
            "content_hash": None if row["content_hash"] is None else bytes(row["content_hash"]),
        }
    )
