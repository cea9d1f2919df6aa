"""`leads fine-tune`: have a service train a model of its own on a dataset, and see what came of it."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from leads_pipeline.cli.common import AsJson, organization_named, read_settings, ready

if TYPE_CHECKING:
    from leads_pipeline.store.fine_tuning import FineTuningJob

commands = typer.Typer(
    help="A model of a fine-tuning service, trained on a dataset. Off unless LEADS_FINE_TUNING_MODEL is set.",
    no_args_is_help=True,
)


@commands.command("start")
def fine_tune_start(
    *,
    organization: Annotated[
        str | None, typer.Option(metavar="NAME", help="Whose dataset; left out: the shared one.")
    ] = None,
    version: Annotated[
        int | None, typer.Option(min=1, help="The dataset's version; the default is the newest.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Ask for a model to be trained; the worker sends the dataset, follows the training and evaluates what comes back.

    What is sent are surrogates and headers, as `leads dataset download --format chat` shows them. The service is paid by you.
    Refused when the service shuts the model down within 90 days.
    """
    from leads_pipeline.defs.fine_tuning import ask

    settings = read_settings()
    with ready(settings) as database:
        owner = None if organization is None else organization_named(database, organization)
        job = ask(database, settings, owner=owner, version=version, today=datetime.now(UTC).date())
    if as_json:
        print(json.dumps({"id": str(job), "state": "waiting"}))
        return
    print(f"{job} waits; the worker begins within a minute. `leads fine-tune list` shows how it stands.")


@commands.command("list")
def fine_tune_list(*, as_json: AsJson = False) -> None:
    """Show what was asked for, the newest first, and what came of it."""
    from leads_pipeline.store import fine_tuning
    from leads_pipeline.store.database import SYSTEM

    with ready(read_settings()) as database, database.transaction(SYSTEM) as transaction:
        found = fine_tuning.jobs(transaction)
    if as_json:
        print(json.dumps({"jobs": [asdict(job) for job in found]}, default=str))
        return
    for job in found:
        print(f"{job.id}  {job.created_at:%Y-%m-%d %H:%M}  {job.state:<10} {job.base_model}, dataset {job.dataset_version} "
              f"({job.organization or 'shared'})")  # fmt: skip
        print(f"    {_said(job)}")
    if not found:
        print("There is none. `leads fine-tune start` asks for one.")


@commands.command("cancel")
def fine_tune_cancel(job: Annotated[UUID, typer.Argument(help="The job's id.")]) -> None:
    """Ask for a job to be cancelled, at the service too; the worker does so within a minute."""
    from leads_pipeline.store import fine_tuning
    from leads_pipeline.store.database import SYSTEM

    with ready(read_settings()) as database, database.transaction(SYSTEM) as transaction:
        found = fine_tuning.get(transaction, job)
        fine_tuning.ask_to_cancel(transaction, job)
    print(f"{job} is to be cancelled." if found.state in fine_tuning.OPEN else f"{job} is {found.state} already.")


def _said(job: "FineTuningJob") -> str:
    if job.problem:
        return job.problem["detail"]
    if job.evaluation:
        gain = job.evaluation
        verdict = (
            f"{job.model}: right on {gain['after']} of {gain['columns']} columns that it had not seen; the mapping was right "
            f"on {gain['before']}."
        )
        if job.state == "candidate":
            return f"{verdict} LEADS_LLM_RESPONSES_MODEL={job.model} puts it to use."
        return f"{verdict} That is no gain beyond chance, so it is rejected."
    if job.state == "cancelled":
        return "nothing came of it"
    return f"{job.service_status or job.state}: {job.events[-1] if job.events else 'nothing heard yet'}"
