"""Which model maps, here and now. Models are kept by each process; what was promoted elsewhere is seen at the next look."""

import threading
from collections import OrderedDict
from dataclasses import dataclass
from uuid import UUID

import structlog

from leads_pipeline.errors import NotFound
from leads_pipeline.mapping import MappingModel, default_schema, load_model
from leads_pipeline.mapping.model import shipped_card
from leads_pipeline.mapping.probing import still_says
from leads_pipeline.store import champions, models
from leads_pipeline.store.champions import InUse
from leads_pipeline.store.database import SYSTEM, Database, Transaction
from leads_pipeline.training.examples import FEATURE_VERSION

log = structlog.get_logger()

MODELS_KEPT = 4
"""Most trained models that a process keeps; each takes some 40 MB beside the shipped one."""


@dataclass(frozen=True, slots=True)
class InService:
    """The champion, and the challenger that is tried beside it; `experiment` None: nobody is.

    `share` of the templates are mapped by the challenger, the others by the champion.
    """

    champion: MappingModel
    challenger: MappingModel | None = None
    experiment: UUID | None = None
    share: float = 0.0


def in_service(transaction: Transaction, organization: UUID) -> InService:
    """The models that map this organization's uploads, as things stand in the database."""
    serving = champions.serving(transaction, organization)
    champion = load_model() if serving.champion is None else usable(transaction, serving.champion)
    if champion is None:
        # Better the model that came with this release than none; the list of models shows what happened.
        return InService(load_model())
    if serving.challenger is None:
        return InService(champion)
    challenger = usable(transaction, serving.challenger)
    if challenger is None:
        return InService(champion)
    return InService(champion, challenger, serving.experiment, serving.share)


def usable(transaction: Transaction, model: InUse) -> MappingModel | None:
    """The model itself; None where its artifact is gone, or was made for a release that measured other things."""
    if model.shipped:
        return load_model()
    with _loading:
        if model.id not in _loaded:
            _loaded[model.id] = _load(transaction, model)
            while len(_loaded) > MODELS_KEPT:
                _loaded.popitem(last=False)
        _loaded.move_to_end(model.id)
        return _loaded[model.id]


def register_shipped(database: Database) -> None:
    """Make the model that comes with this release known: the first champion of all."""
    name, card = shipped_card()
    told = {each: card[each] for each in ("families", "columns", "phrases", "languages") if each in card}
    with database.transaction(SYSTEM) as transaction:
        champions.ensure_shipped(transaction, name, feature_version=FEATURE_VERSION, card=told)


_loading = threading.Lock()
_loaded: OrderedDict[UUID, MappingModel | None] = OrderedDict()


def _load(transaction: Transaction, model: InUse) -> MappingModel | None:
    try:
        content = models.artifact(transaction, model.id)
    except NotFound:
        log.warning("model without an artifact", model=model.name)
        return None
    found = MappingModel.unpacked(content, load_model())
    if not still_says(found, found.card.get("probe", ())):
        log.warning("model of another release", model=model.name)
        return None
    found.prepare(default_schema())
    return found
