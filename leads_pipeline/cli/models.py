"""`leads models`."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from leads_pipeline.cli.common import AsJson, opened, organization_named, progress, read_settings, ready
from leads_pipeline.errors import NotFound
from leads_pipeline.wording import counted

if TYPE_CHECKING:
    from leads_pipeline.store.models import Model
    from leads_pipeline.store.trials import Standing

commands = typer.Typer(help="Mapping models: train, look, promote, go back.", no_args_is_help=True)

OfOrganization = Annotated[
    str | None, typer.Option("--organization", metavar="NAME", help="Whose own model; left out: the shared one.")
]


@commands.command("train")
def models_train(
    *,
    organization: OfOrganization = None,
    dataset: Annotated[
        int | None, typer.Option(min=1, help="The dataset's version; left out: the newest in force.")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="The same dataset and seed make the same model.")] = None,
    as_json: AsJson = False,
) -> None:
    """Train a model from a dataset now, as the dashboard's job does, and wait for it.

    It becomes a candidate, or is rejected with the reason. Nothing is trained where nothing has changed.
    """
    from leads_pipeline.defs.execution import run_job
    from leads_pipeline.defs.learning import SETS, TrainingConfig, retrain_mapping_model, training_run_config
    from leads_pipeline.defs.training import SEED, plan
    from leads_pipeline.errors import SetupProblem
    from leads_pipeline.store import models
    from leads_pipeline.store.database import SYSTEM
    from leads_pipeline.system import migrate

    settings = read_settings()
    config = TrainingConfig(organization=organization, dataset=dataset, seed=SEED if seed is None else seed)
    with opened(settings) as database:
        migrate(settings, database)
        owner = None if organization is None else organization_named(database, organization)
        with database.transaction(SYSTEM) as transaction:
            planned = plan(transaction, owner, version=dataset, seed=config.seed)
        if not as_json:
            print(
                f"Training from dataset {planned.dataset.version}, {counted(planned.dataset.example_count, 'example')} ...",
                flush=True,
            )
        with progress() as step:
            step(0, 1, "training")
            run_job(settings, database.url, retrain_mapping_model.name, training_run_config(config))
        with database.transaction(SYSTEM) as transaction:
            made = models.made_from(transaction, owner, planned.inputs_hash)
    if made is None:
        raise SetupProblem("The run has made no model; the dashboard shows why.")
    told = (
        f"Model {made.version} is {'a candidate' if made.status == 'candidate' else made.status}. {made.reason or ''}"
    )
    _print(made, told.rstrip(), as_json=as_json)
    if not as_json:
        for name in SETS:
            found = made.metrics[name]
            if found["columns"]:
                print(
                    f"  {name:<18} {found['columns']:>6,} columns  champion {found['champion']:.1%}  "
                    f"this one {found['candidate']:.1%}"
                )
        if kin := made.metrics.get("kin"):
            print(
                f"  People use {counted(len(kin), 'field')} of their own like shipped ones; the dashboard lists them."
            )
        proof = made.metrics["corrections"]
        of = counted(proof["tried"], "correction")
        why = "; the dashboard's check `corrections_acted` says why others are not"
        print(
            f"  {proof['right']} of the {of} since the last model are right on their own files now"
            f"{why if proof['right'] < proof['tried'] else ''}."
        )
        if made.status == "candidate":
            named = "" if organization is None else f' --organization "{organization}"'
            print(f"`leads models promote{named}` makes it the champion.")


@commands.command("list")
def models_list(*, as_json: AsJson = False) -> None:
    """Show the models of every scope, newest first, and how the one that is tried does."""
    from leads_pipeline.api.mapping_models import ModelShown
    from leads_pipeline.defs.serving import register_shipped
    from leads_pipeline.store import models, trials
    from leads_pipeline.store.database import SYSTEM

    with ready(read_settings()) as database:
        register_shipped(database)
        with database.transaction(SYSTEM) as transaction:
            found = models.models(transaction)
            standings = trials.standings(transaction, [each.id for each in found])
    if as_json:
        shown = [(each.organization, ModelShown.of(each, standings.get(each.id))) for each in found]
        print(
            json.dumps({"models": [{"organization": owner, **each.model_dump(mode="json")} for owner, each in shown]})
        )
        return
    for each in found:
        print(_line(each))
        standing = standings.get(each.id)
        if standing is not None and standing.outcome == "running":
            print(f"      {_told(standing)}")


@commands.command("promote")
def models_promote(
    version: Annotated[int | None, typer.Argument(min=1, help="Left out: the newest candidate.")] = None,
    *,
    organization: OfOrganization = None,
    as_json: AsJson = False,
) -> None:
    """Make a model the champion. It maps the next upload and preview, in every process, without a restart."""
    from leads_pipeline.defs.serving import register_shipped
    from leads_pipeline.store import champions, models
    from leads_pipeline.store.database import SYSTEM

    with ready(read_settings()) as database:
        register_shipped(database)
        owner = None if organization is None else organization_named(database, organization)
        with database.transaction(SYSTEM) as transaction:
            chosen = (
                models.newest_candidate(transaction, owner)
                if version is None
                else models.any_numbered(transaction, version)
            )
            if chosen is None:
                raise NotFound(
                    "There is no shared candidate to promote; `leads models train` makes one. `--organization NAME` promotes "
                    "one of an organization's own."
                    if owner is None
                    else f"{organization} has no candidate of its own to promote; `leads models train --organization NAME` "
                    "makes one.",
                    code="no_candidate",
                )
            promoted = champions.promote(transaction, chosen)
    _print(promoted, f"Model {promoted.version} ({promoted.name}) maps from now on.", as_json=as_json)


@commands.command("rollback")
def models_rollback(*, organization: OfOrganization = None, as_json: AsJson = False) -> None:
    """Go back to the champion before. It maps the next upload and preview, in every process."""
    from leads_pipeline.store import champions, models
    from leads_pipeline.store.database import SYSTEM

    with ready(read_settings()) as database:
        owner = None if organization is None else organization_named(database, organization)
        with database.transaction(SYSTEM) as transaction:
            before, now = champions.rollback(transaction, owner)
            now = now or models.champion(transaction, None)
    assert now is not None, "there is a shared champion, or there was none to roll back"
    _print(now, f"Model {now.version} ({now.name}) maps again, in place of model {before.version}.", as_json=as_json)


def _print(model: "Model", sentence: str, *, as_json: bool) -> None:
    from leads_pipeline.api.mapping_models import ModelShown

    if as_json:
        print(json.dumps({"organization": model.organization, **ModelShown.of(model).model_dump(mode="json")}))
    else:
        print(sentence)


def _told(standing: "Standing") -> str:
    beside = "on probation beside" if standing.kind == "probation" else "tried beside"
    return (
        f"{beside} model {standing.against} since {standing.started_at:%Y-%m-%d %H:%M}: on "
        f"{counted(standing.reviewed_uploads, 'reviewed upload')} it alone was right on "
        f"{counted(standing.right_alone, 'column')}, the other alone on {standing.wrong_alone}"
    )


def _line(model: "Model") -> str:
    source = "shipped" if model.shipped else f"dataset {model.dataset_version or '?'}"
    return (
        f"{model.version:>4}  {model.name:<24} {model.organization or 'shared':<24} {model.status:<10} "
        f"{model.created_at:%Y-%m-%d %H:%M}  {source:<12} {model.reason or ''}"
    ).rstrip()
