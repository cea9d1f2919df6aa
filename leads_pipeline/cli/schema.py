"""`leads schema`."""

from pathlib import Path
from typing import Annotated

import typer

from leads_pipeline.cli.common import existing, organization_named, read_settings, ready
from leads_pipeline.wording import counted

commands = typer.Typer(help="An organization's lead schema, as YAML.", no_args_is_help=True)


Organization = Annotated[str, typer.Option(metavar="NAME", help="Whose schema it is.")]


@commands.command("show")
def schema_show(*, organization: Organization) -> None:
    """Print the present schema as YAML, to edit and `set`."""
    import yaml

    from leads_pipeline.mapping import default_schema
    from leads_pipeline.store import organizations

    with (
        ready(read_settings()) as database,
        database.transaction(organization_named(database, organization)) as transaction,
    ):
        found = organizations.lead_schema(transaction)
    fields = default_schema().as_json()["fields"] if found is None else found[1]["fields"]
    print(f"# The lead schema of {organization}, version {found[0] if found else 0}.")
    print(yaml.safe_dump({"fields": fields}, allow_unicode=True, sort_keys=False), end="")


@commands.command("set")
def schema_set(
    file: Annotated[
        Path, typer.Argument(help="YAML with `fields`; with `extends: default`, only what is added or changed.")
    ],
    *,
    organization: Organization,
) -> None:
    """Store a new version from a YAML file. Files that come from now on are mapped onto it."""
    from leads_pipeline.mapping import LeadSchema
    from leads_pipeline.store import organizations

    made = LeadSchema.from_yaml(existing(file).read_text("utf-8"))
    with (
        ready(read_settings()) as database,
        database.transaction(organization_named(database, organization)) as transaction,
    ):
        found = organizations.lead_schema(transaction)
        version = organizations.save_lead_schema(transaction, made.as_json(), after=found[0] if found else 0)
    print(f"Stored as version {version}, with {counted(len(made.fields), 'field')}.")
