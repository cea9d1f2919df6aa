"""What is done about one request for a training dataset: select, judge, freeze. Knows nothing of Dagster."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from leads_pipeline.errors import DatasetRefused, LeadsError
from leads_pipeline.mapping import default_schema
from leads_pipeline.settings import Settings
from leads_pipeline.spreadsheets import category_digest
from leads_pipeline.spreadsheets.recognise import findings, surrogate_findings
from leads_pipeline.store import dataset_requests, datasets, examples, logins, organizations
from leads_pipeline.store.database import SYSTEM, Database, Transaction
from leads_pipeline.store.dataset_requests import Request
from leads_pipeline.store.datasets import Dataset, Selection
from leads_pipeline.training.dataset_files import Row
from leads_pipeline.training.examples import FEATURE_VERSION
from leads_pipeline.training.parameters import DatasetParameters
from leads_pipeline.training.quality import judge

CATEGORY_KEY = "categories"


@dataclass(frozen=True, slots=True)
class Built:
    """A dataset that answers a request; `unchanged` says that the newest version was the same already."""

    dataset: Dataset
    unchanged: bool


def build_requested(database: Database, settings: Settings, request: Request) -> Built | LeadsError:
    """Build what was asked for and write the outcome on the request. An error of ours is an outcome, too."""
    with database.transaction(SYSTEM) as transaction:
        names: list[str] = list(request.parameters.get("organizations", ()))
        parameters = DatasetParameters.model_validate(
            {name: value for name, value in request.parameters.items() if name != "organizations"}
        )
    try:
        built = build(database, settings, parameters, owner=request.organization_id, names=names)
    except LeadsError as problem:
        with database.transaction(SYSTEM) as transaction:
            dataset_requests.fail(transaction, request.id, problem)
        return problem
    with database.transaction(SYSTEM) as transaction:
        dataset_requests.done(transaction, request.id, built.dataset.id, unchanged=built.unchanged)
    return built


def build(
    database: Database,
    settings: Settings,
    parameters: DatasetParameters,
    *,
    owner: UUID | None,
    names: list[str] | None = None,
) -> Built:
    """Freeze the next version of a scope: the shared one, or that of the organization `owner`.

    `names` narrows a shared dataset to some of the organizations that share. Where nothing has changed since the newest
    version, that one is returned. Raises `DatasetRefused` when there is nothing to learn from.
    """
    shared = parameters.scope == "shared"
    scope = None if shared else owner
    with database.transaction(SYSTEM) as transaction:
        selection = _selection(transaction, settings, parameters, scope, names or [])
        datasets.lock_scope(transaction, scope)
        datasets.select(transaction, selection)
        counts = datasets.facts(transaction)
        if not counts["examples"]:
            raise DatasetRefused(_nothing(shared=shared, selection=selection), code="no_examples")
        digest = datasets.content_hash(transaction)
        before = datasets.newest(transaction, scope)
        asked = {
            **parameters.model_dump(),
            "min_confidence": selection.min_confidence,
            "organizations": sorted(names or []),
        }
        if before is not None and before.content_hash == digest and dict(before.parameters) == asked:
            return Built(before, unchanged=True)
        quality = judge(counts)
        card = {
            **{
                name: counts[name]
                for name in ("fields", "evidence", "methods", "languages", "conflicts", "left_out", "reasons")
            },
            "parameters": asked,
            "splits": {"by": "template family and organization", "templates": counts["split_templates"]},
            "difference": None
            if before is None
            else {"from_version": before.version, **datasets.difference(transaction, before.id)},
        }
        frozen = datasets.freeze(
            transaction,
            scope,
            parameters=asked,
            digest=digest,
            counts=counts,
            score=quality.score,
            reasons=[asdict(reason) for reason in quality.reasons],
            card=card,
        )
        return Built(datasets.dataset(transaction, frozen), unchanged=False)


def _selection(
    transaction: Transaction, settings: Settings, parameters: DatasetParameters, owner: UUID | None, names: list[str]
) -> Selection:
    since, until = parameters.window()
    shared = parameters.scope == "shared"
    if not shared and owner is None:
        raise DatasetRefused("Say whose examples: `scope` is `organization`, and no organization is named.")
    threshold = parameters.min_confidence
    if threshold is None:
        threshold = _threshold(transaction, settings, owner)
    return Selection(
        owner=owner,
        organizations=datasets.organizations_in(transaction, names=names) if shared else [owner] if owner else [],
        evidence=parameters.evidence,
        min_confidence=threshold,
        unreviewed_weight=parameters.unreviewed_weight,
        since=since,
        until=until,
        max_per_field=parameters.max_per_field,
        # Fields of one organization's own mean nothing to another one's.
        known_fields=[field.name for field in default_schema().fields] if shared else None,
        feature_version=FEATURE_VERSION,
    )


def _threshold(transaction: Transaction, settings: Settings, owner: UUID | None) -> float:
    if owner is None:
        return settings.min_confidence_threshold
    own = organizations.organization(transaction, owner).settings["min_confidence_threshold"]
    return settings.min_confidence_threshold if own is None else float(own)


def _nothing(*, shared: bool, selection: Selection) -> str:
    if shared and not selection.organizations:
        return (
            "No organization shares its training data, so there is nothing to learn from together. "
            "`leads token create --organization NAME --share-training` opts one in."
        )
    return (
        "Nothing was reviewed yet that these parameters select. Correct mappings, or review an upload "
        "(`POST /uploads/{id}/review`); examples are made within a minute."
    )


# --- Rows ----------------------------------------------------------------------------------------------------------


def rows_of(transaction: Transaction, dataset: UUID) -> Iterator[Row]:
    """The rows of a dataset, under pseudonyms by the keys of their organizations."""
    keys: dict[UUID, bytes] = examples.pseudonym_keys(transaction)
    at = {name: place for place, name in enumerate(datasets.COLUMNS)}
    for block in datasets.rows(transaction, dataset):
        for row in block:
            organization = row[at["organization_id"]]
            key = keys[organization]
            yield Row(
                id=examples.pseudonym(key, "example", str(row[at["example_id"]])),
                organization=examples.pseudonym(key, "organization", str(organization)),
                sheet=examples.pseudonym(key, "sheet", row[at["template"]]),
                index=row[at["column_index"]],
                language=row[at["language"]],
                header=row[at["header"]],
                profile=row[at["profile"]],
                surrogates=row[at["surrogates"]],
                value_class=row[at["value_class"]],
                target=row[at["target"]],
                predicted=row[at["predicted"]],
                evidence=row[at["evidence"]],
                split=row[at["split"]],
                copies=row[at["copies"]],
                agreement=round(row[at["agreement"]], 4),
                quality=row[at["quality"]],
                reasons=datasets.reasons_of(row[at["reasons"]]),
                weight=row[at["weight"]],
            )


def scan(transaction: Transaction, dataset: UUID) -> Mapping[str, int]:
    """Look at all texts of a dataset once more; what recognisers find, by kind. Needs the system's scope."""
    key = logins.deployment_key(transaction, CATEGORY_KEY)
    common = examples.common_categories(transaction)
    found: dict[str, int] = {}
    headers, surrogates = datasets.COLUMNS.index("header"), datasets.COLUMNS.index("surrogates")
    clean: set[str] = set()
    for block in datasets.rows(transaction, dataset):
        for row in block:
            kinds = set(findings(row[headers]))
            for text in row[surrogates]:
                if text not in clean:
                    told = surrogate_findings(text, lambda each: category_digest(each, key) in common)
                    kinds |= told
                    if not told and len(clean) < 200_000:
                        clean.add(text)
            for kind in kinds:
                found[kind] = found.get(kind, 0) + 1
    return found


def metadata_of(built: Built) -> dict[str, Any]:
    """What Dagster shows of a version."""
    dataset = built.dataset
    counts = dataset.counts
    return {
        "version": dataset.version,
        "scope": dataset.organization or "shared",
        "examples": dataset.example_count,
        "quality": dataset.quality_score,
        "templates": counts["templates"],
        "organizations": counts["organizations"],
        "disputed": counts["disputed"],
        **{f"split/{name}": count for name, count in counts["splits"].items()},
        "content_hash": "" if dataset.content_hash is None else dataset.content_hash.hex(),
        "unchanged": built.unchanged,
    }
