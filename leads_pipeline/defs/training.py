"""What is done to train a model: select, learn, compare, keep. Knows nothing of Dagster."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from leads_pipeline.defs.serving import usable
from leads_pipeline.errors import DatasetRefused, LeadsError, StaleState
from leads_pipeline.mapping import LeadSchema, MappingModel, default_schema, load_model
from leads_pipeline.mapping.model import shipped_card
from leads_pipeline.store import champions, datasets, lessons, model_requests, models, organizations, withdrawal
from leads_pipeline.store.champions import InUse
from leads_pipeline.store.database import SYSTEM, Database, Transaction
from leads_pipeline.store.datasets import Dataset
from leads_pipeline.store.model_requests import Request
from leads_pipeline.store.models import Model, Trained
from leads_pipeline.training.examples import FEATURE_VERSION
from leads_pipeline.training.quality import require_good_enough
from leads_pipeline.types import Column, ColumnProfile, Sheet

if TYPE_CHECKING:
    from leads_pipeline.training.comparison import Paired
    from leads_pipeline.training.proof import Corrected
    from leads_pipeline.training.refit import LabelledFile

Progress = Callable[[str], None]

SEED = 20261126
MOST_COMPARED = 8_000
"""Columns that champion and candidate are compared on, at most, of each set."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a model is to be made from. `owner` None: for all organizations together."""

    owner: UUID | None
    dataset: Dataset
    schema: LeadSchema
    base: str
    seed: int
    inputs_hash: bytes


def plan(transaction: Transaction, owner: UUID | None, *, version: int | None = None, seed: int = SEED) -> Plan:
    """What would be trained, of the newest dataset of the scope or a certain version of it.

    Raises `DatasetRefused` where there is none or it is not good enough, `StaleState` where nothing has changed.
    """
    from leads_pipeline.training.refit import inputs_hash

    dataset = (
        datasets.newest(transaction, owner)
        if version is None
        else datasets.dataset_numbered(transaction, owner, version)
    )
    if dataset is None:
        raise DatasetRefused(
            "There is no shared training dataset to learn from; `leads dataset generate` builds one. A model of one "
            "organization's own is trained with `--organization NAME`."
            if owner is None
            else "There is no training dataset of this organization to learn from; `leads dataset generate --organization "
            "NAME` builds one.",
            code="no_dataset",
        )
    datasets.require_in_force(dataset)
    require_good_enough(dataset.counts, dataset.quality_score, dataset.status, version=dataset.version)
    assert dataset.content_hash is not None, "a dataset in force has a hash"
    base, _ = shipped_card()
    inputs = inputs_hash(base, dataset.content_hash, seed)
    same = models.made_from(transaction, owner, inputs)
    if same is not None:
        raise StaleState(
            f"Nothing has changed since model {same.version}, which is {same.status}: the same examples (dataset "
            f"{dataset.version}), the same shipped model, the same seed. Review more files, and generate a dataset.",
            code="nothing_changed",
        )
    stored = None if owner is None else organizations.lead_schema(replace(transaction, scope=owner))
    schema = default_schema() if stored is None else LeadSchema.from_json(stored[1])
    return Plan(owner, dataset, schema, base, seed, inputs)


def train(database: Database, planned: Plan, run_id: str, *, progress: Progress = lambda _: None) -> Model:
    """Train, compare with the champion, and keep: as a candidate, or as rejected with the reason.

    What several runs train at the same time is kept once.
    """
    from leads_pipeline.training.comparison import objections
    from leads_pipeline.training.proof import prove
    from leads_pipeline.training.refit import refit

    begun = time.perf_counter()
    progress("reading the dataset")
    with database.transaction(SYSTEM) as transaction:
        files, places = labelled_files(transaction, planned.dataset.id)
        champion = models.champion(transaction, planned.owner) or models.champion(transaction, None)
        incumbent = (
            None if champion is None else usable(transaction, InUse(champion.id, champion.name, champion.shipped))
        )
        before = models.newest_trained(transaction, planned.owner)
        said = lessons.corrections_since(
            transaction, planned.owner, None if before is None else before.created_at, datetime.now(UTC)
        )
    # The same examples come back where an upload is deleted and sent again: the version tells the models apart.
    name = f"{'own' if planned.owner else 'shared'}-{planned.dataset.version}-{planned.inputs_hash.hex()[:12]}"
    model = refit(load_model(), files, planned.schema, name=name, seed=planned.seed, progress=progress)
    progress("comparing with the champion")
    sets = compared(incumbent or load_model(), model, files, planned)
    against = objections(sets, seed=planned.seed, kin=model.kin)
    progress("looking for people's corrections in it")
    proof = prove(model, _corrected(said, files, places), planned.schema)
    metrics = {
        "against": None if champion is None else champion.version,
        **{name: _shown(paired, planned.seed) for name, paired in sets.items()},
        "corrections": proof,
        "kin": dict(model.kin),
        "seconds": round(time.perf_counter() - begun, 1),
    }
    trained = Trained(
        name=name,
        base=planned.base,
        dataset_id=planned.dataset.id,
        inputs_hash=planned.inputs_hash,
        seed=planned.seed,
        feature_version=FEATURE_VERSION,
        metrics=metrics,
        card={"examples": planned.dataset.example_count, "dataset": planned.dataset.version},
        artifact=model.packed(),
    )
    rejected = None if not against else f"It is not better: {'; '.join(against)}."
    try:
        with database.transaction(SYSTEM) as transaction:
            lost = withdrawal.lost_its_champion(transaction, planned.owner)
            made = models.save(transaction, planned.owner, trained, rejected=rejected, run_id=run_id)
            if lost and rejected is None:
                return champions.promote(transaction, made, because=withdrawal.BECAUSE)
    except IntegrityError:
        # Another run has trained from the same at the same time, and so the same model.
        with database.transaction(SYSTEM) as transaction:
            twin = models.made_from(transaction, planned.owner, planned.inputs_hash)
        if twin is None:
            raise
        return twin
    return made


def train_requested(
    database: Database, request: Request, run_id: str, *, progress: Progress = lambda _: None
) -> Model | LeadsError:
    """Train what was asked for and write the outcome on the request. An error of ours is an outcome, too."""
    try:
        with database.transaction(SYSTEM) as transaction:
            planned = plan(transaction, request.owner, version=request.dataset)
        model = train(database, planned, run_id, progress=progress)
    except LeadsError as problem:
        with database.transaction(SYSTEM) as transaction:
            model_requests.fail(transaction, request.id, problem)
        return problem
    with database.transaction(SYSTEM) as transaction:
        model_requests.done(transaction, request.id, model.id)
    return model


def compared(
    incumbent: MappingModel, model: MappingModel, files: "Sequence[LabelledFile]", planned: Plan
) -> "dict[str, Paired]":
    """Champion and candidate on what neither has learned from: the golden set, layouts held out, shipped layouts held out."""
    from leads_pipeline.training.comparison import pair
    from leads_pipeline.training.corpus import is_unopened, shipped_corpus
    from leads_pipeline.training.refit import sample

    sets: dict[str, Paired] = {}
    for name, split in (("golden set", "test"), ("held-out layouts", "validation")):
        held = [file for file in files if file.split == split]
        chosen = [held[at] for at in sample(held, MOST_COMPARED, seed=planned.seed)]
        sets[name] = pair(incumbent, model, chosen, planned.schema)
    unopened = [layout for layout in shipped_corpus() if is_unopened(layout.family)]
    sets["shipped layouts"] = pair(incumbent, model, unopened, default_schema())
    return sets


def _shown(paired: "Paired", seed: int) -> dict[str, Any]:
    from leads_pipeline.training.comparison import by_field, figures, wrong_maps

    wrong = wrong_maps(paired)
    return {
        **figures(paired, seed=seed).as_json(),
        "families": len(set(paired.families)),
        "wrong_maps": {"champion": round(wrong[0], 4), "candidate": round(wrong[1], 4)},
        "fields": {field or "": each.as_json() for field, each in by_field(paired, seed=seed).items()},
    }


# --- The dataset as files ------------------------------------------------------------------------------------------

Places = dict[tuple[UUID, str, int], tuple[int, int]]
"""Where a column of an organization's template is: the number of the file, and the column's place in it."""


def labelled_files(transaction: Transaction, dataset: UUID) -> "tuple[list[LabelledFile], Places]":
    """The sheets of a dataset with what is right for their columns."""
    from leads_pipeline.training.refit import LabelledFile

    at = {name: place for place, name in enumerate(lessons.COLUMNS)}
    rows = (row for block in lessons.rows(transaction, dataset) for row in block)
    files: list[LabelledFile] = []
    places: Places = {}
    for (organization, template), group in groupby(
        rows, key=lambda row: (row[at["organization_id"]], row[at["template"]])
    ):
        columns = list(group)
        for place, row in enumerate(columns):
            places[organization, template, row[at["column_index"]]] = (len(files), place)
        files.append(
            LabelledFile(
                family=columns[0][at["family"]],
                split=columns[0][at["split"]],
                sheet=_sheet([(row[at["column_index"]], row[at["header"]], row[at["profile"]]) for row in columns]),
                targets=tuple(row[at["target"]] for row in columns),
                weights=tuple(row[at["weight"]] for row in columns),
                said=tuple(row[at["evidence"]] in ("corrected", "confirmed", "reviewed") for row in columns),
                agreement=tuple(row[at["agreement"]] for row in columns),
            )
        )
    return files, places


def _sheet(columns: Sequence[tuple[int, str, dict[str, Any]]]) -> Sheet:
    made = tuple(
        Column(index, header, ColumnProfile(**{**profile, "shapes": tuple(profile.get("shapes", ()))}))
        for index, header, profile in columns
    )
    return Sheet(index=0, name="dataset", header_row=1, columns=made, rows=made[0].profile.rows if made else 0)


def _corrected(said: Sequence[Any], files: "Sequence[LabelledFile]", places: Places) -> "list[Corrected]":
    from leads_pipeline.training.proof import Corrected

    found: list[Corrected] = []
    for row in said:
        place = (
            places.get((row["organization_id"], row["template"], row["column_index"])) if row["has_example"] else None
        )
        if place is None:
            missing = (
                "the dataset's parameters left it out"
                if row["has_example"]
                else "no example of its file is made yet, or its contents were gone"
            )
            found.append(Corrected(row["header"], row["target"], missing=missing))
        else:
            file, column = place
            found.append(Corrected(files[file].sheet.columns[column].header, row["target"], files[file], column))
    return found
