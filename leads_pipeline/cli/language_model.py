"""`leads llm`."""

import json
from typing import Annotated

import typer

from leads_pipeline.cli.common import AsJson, organization_named, read_settings, ready
from leads_pipeline.errors import SetupProblem
from leads_pipeline.wording import counted

commands = typer.Typer(help="What the language model is told that fields are.", no_args_is_help=True)


@commands.command("refine")
def llm_refine(
    organization: Annotated[str, typer.Option(metavar="NAME", help="Whose reviewed answers are learned from.")],
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be proposed; ask and change nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Amend the definitions of fields by the language model's reviewed mistakes, if that proves to help.

    Amendments are drawn from half of the headers and measured on the other half, with two calls for each sheet, within
    the organization's budget. They are used only if more columns become right than chance would explain.
    """
    from dataclasses import asdict

    from leads_pipeline.defs.refining import refine

    settings = read_settings()
    if settings.openai_api_key is None and not dry_run:
        raise SetupProblem("Set OPENAI_API_KEY, or say --dry-run to see what would be proposed.")
    with ready(settings) as database:
        done = refine(database, settings, organization_named(database, organization), measure=not dry_run)
    if as_json:
        print(json.dumps({**asdict(done), "applied": done.applied}))
        return
    print(f"{counted(done.reviewed, 'reviewed answer')}, {done.mistakes} of them wrong.")
    for each in done.amendments:
        print(f"{each.field}: {each.text}")
    if not done.amendments:
        print("No mistake was made often enough to amend a definition.")
    elif done.gain is not None:
        gain = done.gain
        print(f"Measured on {counted(gain.columns, 'other column')}: {gain.before} right before, {gain.after} after.")
        print(f"Version {done.version} is in use." if done.applied else "Not used: that is no gain beyond chance.")


@commands.command("definitions")
def llm_definitions(
    organization: Annotated[str, typer.Option(metavar="NAME", help="Whose definitions are shown.")],
    *,
    as_json: AsJson = False,
) -> None:
    """List the versions of an organization's amendments, with what they were measured to gain."""
    from dataclasses import asdict

    from leads_pipeline.store import llm

    with (
        ready(read_settings()) as database,
        database.transaction(organization_named(database, organization)) as transaction,
    ):
        versions = llm.versions(transaction)
    if as_json:
        print(json.dumps({"versions": [asdict(each) for each in versions]}, default=str))
        return
    for each in versions:
        gain = f"{each.gain['before']} -> {each.gain['after']} of {each.gain['columns']}"
        print(f"{each.version}  {each.status:8}  {each.created_at:%Y-%m-%d}  {gain}  {', '.join(each.amendments)}")
    if not versions:
        print("No definition was amended; `leads llm refine` proposes.")
