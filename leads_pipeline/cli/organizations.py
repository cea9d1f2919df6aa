"""`leads organization`."""

from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from leads_pipeline.cli.common import AsJson, organization_named, read_settings, ready
from leads_pipeline.errors import RequestInvalid, complaint

if TYPE_CHECKING:
    from pydantic import BaseModel

    from leads_pipeline.store.organizations import Organization

T = TypeVar("T", bound="BaseModel")

commands = typer.Typer(help="Organizations, and what is set for each.", no_args_is_help=True)


Choices = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[SETTING=VALUE]...",
        help="auto_apply_threshold, min_confidence_threshold, training_data_retention_days, llm_monthly_budget_usd, "
        "max_daily_uploads, max_storage_bytes, share_training, share_memory, salesforce_organization, name. Nothing after "
        "the `=` goes back to the deployment's setting.",
    ),
]


@commands.command("create")
def organization_create(
    name: Annotated[str, typer.Argument(help="What people call it.")],
    choices: Choices = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Make an organization: `leads organization create "Acme" auto_apply_threshold=80`."""
    from leads_pipeline.api.models import OrganizationMade
    from leads_pipeline.store import organizations
    from leads_pipeline.store.database import SYSTEM

    made = _chosen(OrganizationMade, [f"name={name}", *(choices or [])])
    with ready(read_settings()) as database, database.transaction(SYSTEM) as transaction:
        created = organizations.create_organization(transaction, made.name)
        shown = organizations.change_organization(transaction, created, made.changes())
    _print_organization(shown, as_json=as_json)


@commands.command("list")
def organization_list(*, as_json: AsJson = False) -> None:
    """Show all organizations."""
    from leads_pipeline.api.models import OrganizationList, OrganizationShown
    from leads_pipeline.store import organizations
    from leads_pipeline.store.database import SYSTEM

    with ready(read_settings()) as database, database.transaction(SYSTEM) as transaction:
        found = organizations.organizations(transaction)
    if as_json:
        print(OrganizationList(organizations=[OrganizationShown.of(item) for item in found]).model_dump_json())
        return
    for item in found:
        print(f"{item.id}  {item.created_at:%Y-%m-%d}  {item.name}")


@commands.command("show")
def organization_show(
    name: Annotated[str, typer.Argument(help="As `leads organization list` shows it.")], *, as_json: AsJson = False
) -> None:
    """Show what is set for an organization."""
    from leads_pipeline.store import organizations

    with ready(read_settings()) as database:
        owner = organization_named(database, name)
        with database.transaction(owner) as transaction:
            shown = organizations.organization(transaction, owner)
    _print_organization(shown, as_json=as_json)


@commands.command("set")
def organization_set(
    name: Annotated[str, typer.Argument(help="As `leads organization list` shows it.")],
    choices: Choices = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Change what is named: `leads organization set "Acme" training_data_retention_days=30 llm_monthly_budget_usd=`."""
    from leads_pipeline.api.models import OrganizationChanged
    from leads_pipeline.store import organizations
    from leads_pipeline.store.database import SYSTEM

    made = _chosen(OrganizationChanged, choices or [])
    with ready(read_settings()) as database:
        owner = organization_named(database, name)
        with database.transaction(SYSTEM) as transaction:
            shown = organizations.change_organization(transaction, owner, made.changes())
    _print_organization(shown, as_json=as_json)


def _chosen(kind: type[T], choices: list[str]) -> T:
    """A model of `SETTING=VALUE` words."""
    from pydantic import ValidationError

    values: dict[str, str | None] = {}
    for choice in choices:
        name, equals, value = choice.partition("=")
        if not equals or name not in kind.model_fields:
            raise RequestInvalid(
                f"{choice}: say SETTING=VALUE, where SETTING is one of {', '.join(kind.model_fields)}."
            )
        values[name] = value or None
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        raise RequestInvalid(f"{'.'.join(str(part) for part in first['loc'])}: {complaint(first)}.") from error


def _print_organization(shown: "Organization", *, as_json: bool) -> None:
    from leads_pipeline.api.models import OrganizationShown

    organization_ = OrganizationShown.of(shown)
    if as_json:
        print(organization_.model_dump_json())
        return
    for name, value in organization_.model_dump().items():
        unset = "(none)" if name == "salesforce_organization" else "(as the deployment is set)"
        print(f"{name:<30} {unset if value is None else value}")
