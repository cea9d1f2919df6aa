"""Mapping models: what was trained, what maps now, and what did before.

A scope (all organizations together, or one) has one champion. Whoever has none of its own is mapped by the shared one. What
an artifact holds is `mapping`'s business; here it is bytes, in pieces that the driver can bear.
"""

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from leads_pipeline.errors import NotFound, StaleState
from leads_pipeline.store import audit
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


@dataclass(frozen=True, slots=True)
class InUse:
    """A model that maps, or is looked at beside the one that does."""

    id: UUID
    name: str
    shipped: bool


@dataclass(frozen=True, slots=True)
class Serving:
    """Which model maps an organization's uploads, and who is tried beside it; `experiment` None: nobody.

    `share` of the templates are mapped by the challenger, the others by the champion.
    """

    champion: InUse | None
    challenger: InUse | None = None
    experiment: UUID | None = None
    share: float = 0.0


def serving(transaction: Transaction, organization: UUID) -> Serving:
    """What serves an organization now: what was promoted a moment ago does."""
    champion = transaction.first(
        """SELECT id, name, shipped, organization_id FROM mapping_models
           WHERE status = 'champion' AND (organization_id = :organization OR organization_id IS NULL)
           ORDER BY organization_id NULLS LAST LIMIT 1""",
        organization=organization,
    )
    if champion is None:
        return Serving(None)
    used = InUse(champion["id"], champion["name"], champion["shipped"])
    tried = transaction.first(
        """SELECT e.id AS experiment, e.share, m.id, m.name, m.shipped
           FROM experiments e JOIN mapping_models m ON m.id = e.challenger_id
           WHERE e.outcome = 'running' AND e.champion_id = :champion
             AND (e.organization_id = :organization OR e.organization_id IS NULL)
           ORDER BY e.organization_id NULLS LAST LIMIT 1""",
        champion=used.id,
        organization=organization,
    )
    if tried is None:
        return Serving(used)
    return Serving(
        used, InUse(tried["id"], tried["name"], tried["shipped"]), tried["experiment"], float(tried["share"])
    )


def ensure_shipped(transaction: Transaction, name: str, *, feature_version: int, card: Mapping[str, Any]) -> None:
    """Make the model that comes with the package known. Needs the system's scope.

    It is the first champion, and takes over from one that came with an earlier release; beside a trained champion it is
    a candidate.
    """
    if transaction.value("SELECT EXISTS (SELECT FROM mapping_models WHERE name = :name)", name=name):
        return
    lock_scope(transaction, None)
    transaction.run(
        """UPDATE mapping_models SET status = 'retired', ended_at = now(), reason = 'A newer release brought another one.'
           WHERE shipped AND organization_id IS NULL AND name <> :name AND status <> 'retired'""",
        name=name,
    )
    transaction.run(
        """INSERT INTO mapping_models (id, name, status, shipped, base, feature_version, card, promoted_at)
           SELECT :id, :name, CASE WHEN there THEN 'candidate' ELSE 'champion' END, true, :name, :feature_version,
                  CAST(:card AS jsonb), CASE WHEN there THEN NULL ELSE now() END
           FROM (SELECT EXISTS (SELECT FROM mapping_models
                                WHERE status = 'champion' AND organization_id IS NULL) AS there) AS champion
           ON CONFLICT (name) DO NOTHING""",
        id=new_id(),
        name=name,
        feature_version=feature_version,
        card=as_json(card),
    )


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


# --- Promotion -----------------------------------------------------------------------------------------------------


def lock_scope(transaction: Transaction, owner: UUID | None) -> None:
    """Whoever changes which model of this scope is in use is alone until the transaction ends."""
    transaction.value(
        "SELECT pg_advisory_xact_lock(hashtextextended('mapping_models ' || coalesce(:owner, ''), 0))",
        owner=None if owner is None else str(owner),
    )


def promote(transaction: Transaction, model: Model, *, because: str | None = None) -> Model:
    """Make a model its scope's champion. It maps the next upload, in every process.

    Raises `StaleState` for the champion itself, and for a model that was rejected, whose artifact is gone, or whose dataset
    was withdrawn.
    """
    lock_scope(transaction, model.organization_id)
    model = get(transaction, model.id)
    if model.status == "champion":
        raise StaleState(f"Model {model.version} is the champion already.", code="already_champion")
    if model.status == "rejected":
        raise StaleState(f"Model {model.version} was rejected: {model.reason}", code="model_rejected")
    _require_usable(model)
    if model.shipped and (newest := _newest_shipped(transaction)).id != model.id:
        raise StaleState(
            f"Model {model.version} came with an earlier release; this one brought model {newest.version}.",
            code="artifact_missing",
        )
    before = champion(transaction, model.organization_id)
    _retire(transaction, before, because or f"Model {model.version} was promoted.")
    transaction.run(
        """UPDATE mapping_models SET status = 'champion', promoted_at = clock_timestamp(), ended_at = NULL, reason = NULL,
               replaced = :before WHERE id = :id""",
        id=model.id,
        before=None if before is None else before.id,
    )
    _record(transaction, "model.promoted", model, before)
    return get(transaction, model.id)


def rollback(transaction: Transaction, owner: UUID | None, *, because: str | None = None) -> tuple[Model, Model | None]:
    """Go back to the champion before. Returns who was champion until now, and who is now.

    An organization's first model gives way to the shared champion: then the second is None. Raises `StaleState` where
    there is nobody to go back to.
    """
    lock_scope(transaction, owner)
    now = champion(transaction, owner)
    if now is None:
        raise StaleState("There is no champion of its own to roll back from.", code="no_champion")
    if now.replaced is None and owner is None:
        raise StaleState(
            f"Model {now.version} is the first shared champion: there is none before it to go back to.",
            code="no_predecessor",
        )
    before = None if now.replaced is None else numbered(transaction, owner, now.replaced)
    if before is not None and before.shipped:
        # One that came with an earlier release is gone; what came with this one stands for it.
        before = _newest_shipped(transaction)
    if before is not None:
        _require_usable(before)
    _retire(transaction, now, because or "It was rolled back.")
    _record(transaction, "model.rolled_back", now, before)
    if before is None:
        return now, None
    # Whom it had replaced itself stays: another rollback goes further back.
    transaction.run(
        """UPDATE mapping_models SET status = 'champion', promoted_at = clock_timestamp(), ended_at = NULL, reason = NULL
           WHERE id = :id""",
        id=before.id,
    )
    return now, get(transaction, before.id)


def stand_down(transaction: Transaction, owner: UUID | None, because: str) -> None:
    """Take a scope's champion out of use for good: the shared champion maps in its place, or the shipped model."""
    lock_scope(transaction, owner)
    now = champion(transaction, owner)
    if now is None or now.shipped:
        return
    _retire(transaction, now, because)
    before = _newest_shipped(transaction) if owner is None else None
    _record(transaction, "model.stood_down", now, before)
    if before is not None:
        transaction.run(
            """UPDATE mapping_models SET status = 'champion', promoted_at = clock_timestamp(), ended_at = NULL, reason = NULL,
                   replaced = NULL WHERE id = :id""",
            id=before.id,
        )


def withdrawn(transaction: Transaction) -> list[dict[str, Any]]:
    """Champions that have learned from a dataset that was withdrawn since: whose, and whether a new dataset was asked for
    after that (`asked`), and is still awaited (`awaited`).
    """
    return transaction.all(
        """SELECT m.organization_id, o.name AS organization, m.version, r.asked, r.awaited
           FROM mapping_models m JOIN training_datasets d ON d.id = m.dataset_id AND d.status = 'withdrawn'
           LEFT JOIN organizations o ON o.id = m.organization_id
           CROSS JOIN LATERAL (
               SELECT count(*) > 0 AS asked, coalesce(bool_or(state IN ('waiting', 'running')), false) AS awaited
               FROM dataset_requests r
               WHERE r.organization_id IS NOT DISTINCT FROM m.organization_id AND r.created_at > d.withdrawn_at) r
           WHERE m.status = 'champion' ORDER BY m.version"""
    )


def withdraw(transaction: Transaction, datasets: Collection[UUID], because: str) -> list[Model]:
    """Nobody is to be mapped by what was trained from these datasets any more: the models, whose artifacts go.

    A champion among them gives way to the newest champion before it that is left; where an organization has none, the shared
    champion maps. Needs the system's scope.
    """
    rows = transaction.all(
        """SELECT id FROM mapping_models
           WHERE dataset_id = ANY(CAST(:ids AS uuid[])) AND withdrawn_at IS NULL ORDER BY version""",
        ids=list(datasets),
    )
    withdrawn = [get(transaction, row["id"]) for row in rows]
    for owner in dict.fromkeys(model.organization_id for model in withdrawn):
        lock_scope(transaction, owner)
    for model in withdrawn:
        now = get(transaction, model.id)
        if now.status == "champion":
            _retire(transaction, now, because)
        transaction.run(
            """UPDATE experiments SET outcome = 'stopped', ended_at = now(), reason = :because
               WHERE outcome = 'running' AND challenger_id = :id""",
            id=model.id,
            because=because,
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
            because=because,
        )
        audit.record(transaction, "model.withdrawn", ("model", model.version), organization=model.organization_id)
    for model in withdrawn:
        if model.status == "champion":
            _fall_back(transaction, model)
    return withdrawn


def lost_its_champion(transaction: Transaction, owner: UUID | None) -> bool:
    """Whether a champion of this scope was withdrawn, and no model was trained since to take its place."""
    return transaction.value(
        """SELECT EXISTS (SELECT FROM mapping_models w WHERE w.organization_id IS NOT DISTINCT FROM :owner
               AND w.withdrawn_at IS NOT NULL AND w.promoted_at IS NOT NULL AND NOT EXISTS (
                   SELECT FROM mapping_models m WHERE m.organization_id IS NOT DISTINCT FROM :owner
                     AND NOT m.shipped AND m.created_at > w.withdrawn_at))""",
        owner=owner,
    )


def _fall_back(transaction: Transaction, from_model: Model) -> None:
    """Give a scope the champion that it had before, where one is left that maps."""
    owner = from_model.organization_id
    before = transaction.first(
        f"""{_MODELS} WHERE m.organization_id IS NOT DISTINCT FROM :owner AND m.status = 'retired'
            AND m.promoted_at IS NOT NULL AND NOT m.shipped AND m.artifact_bytes > 0 AND coalesce(d.status, '') <> 'withdrawn'
            ORDER BY m.promoted_at DESC LIMIT 1""",
        owner=owner,
    )
    model = _model(before) if before is not None else _newest_shipped(transaction) if owner is None else None
    if model is not None:
        transaction.run(
            """UPDATE mapping_models SET status = 'champion', promoted_at = clock_timestamp(), ended_at = NULL, reason = NULL
               WHERE id = :id""",
            id=model.id,
        )
    _record(transaction, "model.rolled_back", from_model, model)


def _record(transaction: Transaction, action: str, model: Model, other: Model | None) -> None:
    audit.record(
        transaction,
        action,
        ("model", model.version),
        organization=model.organization_id,
        details={"other": None if other is None else other.version},
    )


def _retire(transaction: Transaction, model: Model | None, reason: str) -> None:
    if model is None:
        return
    transaction.run(
        "UPDATE mapping_models SET status = 'retired', ended_at = now(), reason = :reason WHERE id = :id",
        id=model.id,
        reason=reason,
    )
    # What was tried against it is tried against nobody now.
    transaction.run(
        """UPDATE experiments SET outcome = 'overtaken', ended_at = now(), reason = 'The champion changed.'
           WHERE outcome = 'running' AND champion_id = :id""",
        id=model.id,
    )
    transaction.run(
        """UPDATE mapping_models SET status = 'candidate'
           WHERE status = 'challenger' AND organization_id IS NOT DISTINCT FROM :owner""",
        owner=model.organization_id,
    )


def _newest_shipped(transaction: Transaction) -> Model:
    return _model(transaction.one(f"{_MODELS} WHERE m.shipped ORDER BY m.version DESC LIMIT 1"))


def _require_usable(model: Model) -> None:
    if model.dataset_withdrawn:
        raise StaleState(
            f"The dataset that model {model.version} had learned from was withdrawn; `leads models train` makes another.",
            code="dataset_withdrawn",
        )
    if not model.shipped and not model.artifact_bytes:
        raise StaleState(f"The artifact of model {model.version} is not kept any more.", code="artifact_missing")


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
    """The champion that a model has replaced, where it could map again."""
    if model.replaced is None:
        return None
    before = any_numbered(transaction, model.replaced)
    return before if before.shipped or (before.artifact_bytes and not before.dataset_withdrawn) else None


def newest_candidate(transaction: Transaction, owner: UUID | None) -> Model | None:
    """The newest model of a scope that could be promoted: a candidate, or the challenger that is being tried."""
    row = transaction.first(
        f"""{_MODELS} WHERE m.status IN ('candidate', 'challenger') AND m.organization_id IS NOT DISTINCT FROM :owner
              AND d.status IS DISTINCT FROM 'withdrawn'
            ORDER BY m.version DESC LIMIT 1""",
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


# --- What is learned from -----------------------------------------------------------------------------------------

LESSON = (
    "organization_id", "template", "family", "column_index", "header", "profile", "target", "evidence", "split", "weight",
    "agreement", "correction_id",
)  # fmt: skip
"""What `lessons` tells of a column, in this order."""


def lessons(transaction: Transaction, dataset: UUID) -> Iterator[Sequence[Sequence[Any]]]:
    """The columns of a dataset, layout by layout, some thousand at a time, as in `LESSON`."""
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


def newest_trained(transaction: Transaction, owner: UUID | None) -> Model | None:
    """The model of a scope that was trained last, whatever became of it."""
    row = transaction.first(
        f"""{_MODELS} WHERE NOT m.shipped AND m.organization_id IS NOT DISTINCT FROM :owner
            ORDER BY m.version DESC LIMIT 1""",
        owner=owner,
    )
    return None if row is None else _model(row)


def made_by(transaction: Transaction, run_id: str) -> Model | None:
    """The model that a run has trained."""
    row = transaction.first(f"{_MODELS} WHERE m.dagster_run_id = :run ORDER BY m.version DESC LIMIT 1", run=run_id)
    return None if row is None else _model(row)


def news(transaction: Transaction) -> list[dict[str, Any]]:
    """For each scope with a dataset in force: how many corrections its newest one holds that its last model's did not.

    A model that was withdrawn counts as if it had never been; `withdrawn` says that the scope lost its last one so.
    """
    return transaction.all(
        """WITH newest AS (
               SELECT DISTINCT ON (organization_id) id, organization_id, version FROM training_datasets
               WHERE status = 'frozen' ORDER BY organization_id, version DESC
           ), learned AS (
               SELECT DISTINCT ON (organization_id) organization_id, dataset_id FROM mapping_models
               WHERE NOT shipped AND withdrawn_at IS NULL ORDER BY organization_id, version DESC
           ), lost AS (
               SELECT organization_id FROM mapping_models WHERE NOT shipped
               GROUP BY 1 HAVING max(version) = max(version) FILTER (WHERE withdrawn_at IS NOT NULL)
           )
           SELECT n.organization_id, o.name AS organization, n.version, count(d.correction_id) AS corrections,
                  EXISTS (SELECT FROM lost WHERE lost.organization_id IS NOT DISTINCT FROM n.organization_id) AS withdrawn
           FROM newest n LEFT JOIN organizations o ON o.id = n.organization_id
           LEFT JOIN learned l ON l.organization_id IS NOT DISTINCT FROM n.organization_id
           JOIN dataset_examples d ON d.dataset_id = n.id AND d.evidence = 'corrected' AND d.weight > 0
           WHERE l.dataset_id IS DISTINCT FROM n.id AND NOT EXISTS (
               SELECT FROM dataset_examples b WHERE b.dataset_id = l.dataset_id AND b.correction_id = d.correction_id)
           GROUP BY 1, 2, 3 ORDER BY 4 DESC"""
    )
