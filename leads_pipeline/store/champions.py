"""Which model maps, and how that changes: champions, who is tried beside them, promotion and the way back.

A scope (all organizations together, or one) has one champion. Whoever has none of its own is mapped by the shared one. How a
trial is judged is the business of `trials` and `training`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from leads_pipeline.errors import StaleState
from leads_pipeline.store import audit, models
from leads_pipeline.store.database import Transaction, as_json
from leads_pipeline.store.ids import new_id
from leads_pipeline.store.models import Model


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
    model = models.get(transaction, model.id)
    if model.status == "champion":
        raise StaleState(f"Model {model.version} is the champion already.", code="already_champion")
    _require_usable(model)
    if model.shipped and (newest := models.newest_shipped(transaction)).id != model.id:
        raise StaleState(
            f"Model {model.version} came with an earlier release; this one brought model {newest.version}.",
            code="artifact_missing",
        )
    before = models.champion(transaction, model.organization_id)
    if before is not None:
        _retire(transaction, before, because or f"Model {model.version} was promoted.")
    transaction.run(
        "UPDATE mapping_models SET replaced = :before WHERE id = :id",
        id=model.id,
        before=None if before is None else before.id,
    )
    _install(transaction, model)
    _record(transaction, "model.promoted", model, before)
    return models.get(transaction, model.id)


def rollback(transaction: Transaction, owner: UUID | None, *, because: str | None = None) -> tuple[Model, Model | None]:
    """Go back to the champion before. Returns who was champion until now, and who is now.

    An organization's first model gives way to the shared champion: then the second is None. Raises `StaleState` where
    there is nobody to go back to.
    """
    lock_scope(transaction, owner)
    now = models.champion(transaction, owner)
    if now is None:
        raise StaleState("There is no champion of its own to roll back from.", code="no_champion")
    if now.replaced is None and owner is None:
        raise StaleState(
            f"Model {now.version} is the first shared champion: there is none before it to go back to.",
            code="no_predecessor",
        )
    before = None if now.replaced is None else models.numbered(transaction, owner, now.replaced)
    if before is not None and before.shipped:
        # One that came with an earlier release is gone; what came with this one stands for it.
        before = models.newest_shipped(transaction)
    if before is not None:
        _require_usable(before)
    _retire(transaction, now, because or "It was rolled back.")
    _record(transaction, "model.rolled_back", now, before)
    if before is None:
        return now, None
    # Whom it had replaced itself stays: another rollback goes further back.
    _install(transaction, before)
    return now, models.get(transaction, before.id)


def succeed(transaction: Transaction, gone: Model) -> None:
    """Fill the place of a champion that is withdrawn: by the trained model that was champion last before it and is left, or
    by what came with the release. Where an organization has none left, the shared champion maps. Needs `lock_scope`.
    """
    owner = gone.organization_id
    _end_trials_against(transaction, gone)
    before = models.last_retired(transaction, owner)
    if before is None and owner is None:
        before = models.newest_shipped(transaction)
    if before is not None:
        _install(transaction, before)
    _record(transaction, "model.rolled_back", gone, before)


def _install(transaction: Transaction, model: Model) -> None:
    transaction.run(
        """UPDATE mapping_models SET status = 'champion', promoted_at = clock_timestamp(), ended_at = NULL, reason = NULL
           WHERE id = :id""",
        id=model.id,
    )


def _record(transaction: Transaction, action: str, model: Model, other: Model | None) -> None:
    audit.record(
        transaction,
        action,
        ("model", model.version),
        organization=model.organization_id,
        details={"other": None if other is None else other.version},
    )


def _retire(transaction: Transaction, model: Model, reason: str) -> None:
    transaction.run(
        "UPDATE mapping_models SET status = 'retired', ended_at = now(), reason = :reason WHERE id = :id",
        id=model.id,
        reason=reason,
    )
    _end_trials_against(transaction, model)


def _end_trials_against(transaction: Transaction, champion: Model) -> None:
    """What was tried against it is tried against nobody now."""
    transaction.run(
        """UPDATE experiments SET outcome = 'overtaken', ended_at = now(), reason = 'The champion changed.'
           WHERE outcome = 'running' AND champion_id = :id""",
        id=champion.id,
    )
    transaction.run(
        """UPDATE mapping_models SET status = 'candidate'
           WHERE status = 'challenger' AND organization_id IS NOT DISTINCT FROM :owner""",
        owner=champion.organization_id,
    )


def _require_usable(model: Model) -> None:
    if model.dataset_withdrawn:
        raise StaleState(
            f"The dataset that model {model.version} had learned from was withdrawn; `leads models train` makes another.",
            code="dataset_withdrawn",
        )
    if model.status == "rejected":
        raise StaleState(f"Model {model.version} was rejected: {model.reason}", code="model_rejected")
    if not model.shipped and not model.artifact_bytes:
        raise StaleState(f"The artifact of model {model.version} is not kept any more.", code="artifact_missing")
