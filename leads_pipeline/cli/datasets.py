"""`leads dataset`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from leads_pipeline.cli.common import AsJson, opened, organization_named, progress, read_settings, ready
from leads_pipeline.errors import RequestInvalid, complaint
from leads_pipeline.wording import counted

if TYPE_CHECKING:
    from leads_pipeline.store.datasets import Dataset

commands = typer.Typer(help="Training datasets: versions of what a model learns from.", no_args_is_help=True)


@commands.command("generate")
def dataset_generate(
    *,
    organization: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="The organization that it is for; with --scope shared, take these alone."),
    ] = None,
    scope: Annotated[
        str | None, typer.Option(help="`shared` or `organization`; the default is `organization` where one is named.")
    ] = None,
    min_confidence: Annotated[
        float | None, typer.Option(min=0, max=100, help="Confidence from which unreviewed mappings count.")
    ] = None,
    evidence: Annotated[
        str, typer.Option(help="What counts, of corrected, confirmed, reviewed, unreviewed.")
    ] = "corrected,confirmed,reviewed,unreviewed",
    unreviewed_weight: Annotated[
        float, typer.Option(help="How much an unreviewed mapping weighs, above 0 up to 1.")
    ] = 0.3,
    since: Annotated[str | None, typer.Option(metavar="DAY", help="Only answers from this day on, 2026-01-31.")] = None,
    until: Annotated[str | None, typer.Option(metavar="DAY", help="Only answers up to this day.")] = None,
    max_per_field: Annotated[int | None, typer.Option(min=1, help="Most examples of one lead field.")] = None,
    as_json: AsJson = False,
) -> None:
    """Build the next version now, as the dashboard's job does, and wait for it.

    Brings the examples of reviewed files up to date first. Where nothing is new, the newest version is named.
    """
    from pydantic import ValidationError

    from leads_pipeline.defs.datasets import DatasetConfig, ask, generate_training_dataset, run_config
    from leads_pipeline.defs.execution import run_job
    from leads_pipeline.store import dataset_requests, datasets
    from leads_pipeline.store.database import SYSTEM
    from leads_pipeline.system import migrate

    asked: dict[str, Any] = {
        "scope": scope or ("organization" if organization else "shared"),
        "organizations": organization or [],
        "min_confidence": min_confidence,
        "evidence": [each.strip() for each in evidence.split(",")],
        "unreviewed_weight": unreviewed_weight,
        "since": since,
        "until": until,
        "max_per_field": max_per_field,
    }
    try:
        config = DatasetConfig(**asked)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise RequestInvalid(f"{where or 'parameters'}: {complaint(first)}.") from error
    settings = read_settings()
    with opened(settings) as database:
        migrate(settings, database)
        request = ask(database, config)
        if not as_json:
            print("Bringing examples up to date and building the dataset ...", flush=True)
        with progress() as step:
            step(0, 1, "building the dataset")
            run_job(settings, database.url, generate_training_dataset.name, run_config(DatasetConfig(requested=True)))
        outcome = dataset_requests.wait_for(database, request)
        if outcome.dataset_id is None:
            problem = outcome.problem or {"detail": "Another run is still building it; `leads dataset list` shows it."}
            raise RequestInvalid(problem["detail"], code=problem.get("code", "still_building"))
        with database.transaction(SYSTEM) as transaction:
            built = datasets.dataset(transaction, outcome.dataset_id)
    if as_json:
        print(json.dumps({**_dataset_row(built), "unchanged": outcome.unchanged}, default=str))
        return
    print(f"Version {built.version} ({built.organization or 'shared'}): {counted(built.example_count, 'example')}, "
          f"quality {built.quality_score}" + (", the same as before." if outcome.unchanged else "."))  # fmt: skip
    for reason in built.quality_reasons:
        print(f"  -{reason['points']:g}  {reason['detail']}")


@commands.command("list")
def dataset_list(*, as_json: AsJson = False) -> None:
    """Show the versions of every scope, newest first."""
    from leads_pipeline.store import datasets
    from leads_pipeline.store.database import SYSTEM

    with ready(read_settings()) as database, database.transaction(SYSTEM) as transaction:
        found = datasets.datasets(transaction)
    if as_json:
        print(json.dumps({"datasets": [_dataset_row(each) for each in found]}, default=str))
        return
    for each in found:
        splits = " ".join(f"{name} {count:,}" for name, count in each.counts.get("splits", {}).items())
        quality = "" if each.quality_score is None else f"{each.quality_score:.1f}"
        print(
            f"{each.organization or 'shared':<24} {each.version:>4}  {each.status:<9} {each.created_at:%Y-%m-%d %H:%M}  "
            f"{each.example_count:>9,} examples  quality {quality:>5}  {splits}"
        )
    if not found:
        print("There is none yet. `leads dataset generate` builds the first.")


@commands.command("download")
def dataset_download(
    version: Annotated[int, typer.Argument(min=1, help="The version's number in its scope.")],
    file: Annotated[Path, typer.Argument(help="Where to write it.")],
    *,
    organization: Annotated[
        str | None, typer.Option(metavar="NAME", help="Whose version; left out: a shared one.")
    ] = None,
    file_format: Annotated[
        Literal["jsonl", "parquet", "chat", "preference"],
        typer.Option("--format", help="`chat` and `preference` are for fine-tuning services."),
    ] = "jsonl",
    split: Annotated[Literal["train", "validation", "test"] | None, typer.Option(help="Only this part.")] = None,
) -> None:
    """Write a version to a file."""
    from leads_pipeline.defs.building import rows_of
    from leads_pipeline.store import datasets
    from leads_pipeline.store.database import SYSTEM
    from leads_pipeline.training import dataset_files

    with ready(read_settings()) as database:
        owner = None if organization is None else organization_named(database, organization)
        with database.transaction(SYSTEM) as transaction:
            found = datasets.dataset_numbered(transaction, owner, version)
            datasets.require_in_force(found)
            dataset_files.require_enough(found.counts, file_format, split)
            with file.open("wb") as target:
                for block in dataset_files.write(rows_of(transaction, found.id), file_format, split=split):
                    target.write(block)
    print(f"{file}: version {version}, {file.stat().st_size:,} bytes.")


def _dataset_row(found: "Dataset") -> dict[str, Any]:
    from leads_pipeline.api.datasets import DatasetShown

    return {"organization": found.organization, **DatasetShown.of(found).model_dump(mode="json")}
